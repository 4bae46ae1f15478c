"""Augmentation of waveforms: time, speed, level, rooms and noise."""

from dataclasses import dataclass

import numpy as np

from kws import audio
from kws.audio.levels import mix_at_snr
from kws.datasets.noise import Noise
from kws.datasets.rooms import acoustics


@dataclass(frozen=True)
class Augment:
    """How clips are varied in training; zero switches a variation off.

    shift_ms: largest shift in time either way. speed: largest relative change of speed (and
    with it pitch). gain_db: largest change of level either way. rooms: share of the clips that
    are put in a room; if it is above zero, every clip also gets a microphone of another frequency
    response. noise: probability that noise is added, at a signal-to-noise ratio drawn from
    snr_db. time_mask_ms, band_mask: widest mask of SpecAugment (Park et al. 2019) in time and in
    mel bands, two masks of each. variations: how many times a clip is varied anew; later epochs
    take these again, in another order and under other masks.
    """

    shift_ms: float = 100.0
    speed: float = 0.1
    gain_db: float = 6.0
    rooms: float = 0.0
    noise: float = 0.7
    snr_db: tuple[float, float] = (0.0, 30.0)
    time_mask_ms: float = 150.0
    band_mask: int = 6
    variations: int = 20

    def __call__(self, clips: np.ndarray, noise: Noise, rng: np.random.Generator) -> np.ndarray:
        """Vary clips float32 (batch, samples); the network itself applies the masks."""
        batch, samples = clips.shape
        rates = 1 + rng.uniform(-self.speed, self.speed, batch)
        shifts = rng.uniform(-self.shift_ms, self.shift_ms, batch) * (audio.RATE // 1000)
        varied = np.stack([_warp(*one) for one in zip(clips, rates, shifts, strict=True)])
        if self.rooms:
            place = acoustics(samples)
            varied = np.stack([place(clip, rng, self.rooms) for clip in varied])
        varied *= 10 ** (rng.uniform(-self.gain_db, self.gain_db, (batch, 1)) / 20)
        noisy = np.flatnonzero(rng.random(batch) < self.noise)
        if len(noisy):
            snr_db = rng.uniform(*self.snr_db, len(noisy))
            varied[noisy] = mix_at_snr(varied[noisy], noise.draw(rng, len(noisy), samples), snr_db)
        return np.clip(varied, -1, 1).astype(np.float32)


def _warp(clip: np.ndarray, rate: float, shift: float) -> np.ndarray:
    """The clip played at ``rate`` about its middle, and ``shift`` samples later."""
    middle = len(clip) / 2
    positions = (np.arange(len(clip), dtype=np.float32) - middle - shift) * rate + middle
    below = np.floor(positions).astype(np.int32)
    fraction = (positions - below).astype(np.float32)
    padded = np.pad(clip, 1)
    first = np.clip(below + 1, 0, len(clip) + 1)
    second = np.clip(below + 2, 0, len(clip) + 1)
    return padded[first] * (1 - fraction) + padded[second] * fraction

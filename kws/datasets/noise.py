"""Background noise: recorded where there is some, made up where there is none."""

from pathlib import Path

import numpy as np

from kws import audio
from kws.audio.levels import rms


class Noise:
    """A bank of background noise to draw excerpts from.

    folder: recordings of noise in any format; without one, five colours of synthetic noise and
    mains hum are used, the same for the same seed.
    """

    def __init__(self, folder: Path | str | None = None, seed: int = 0, seconds: float = 30.0):
        recordings = audio.find(folder) if folder else []
        if recordings:
            self.tracks = [audio.read(path) for path in recordings]
        else:
            self.tracks = _synthetic(np.random.default_rng(seed), int(seconds * audio.RATE))
        self.tracks = [track / max(rms(track), 1e-9) for track in self.tracks]

    def draw(self, rng: np.random.Generator, count: int, samples: int) -> np.ndarray:
        """Excerpts float32 (count, samples), each of root-mean-square 1 over its whole track."""
        excerpts = np.empty((count, samples), np.float32)
        for excerpt in excerpts:
            track = self.tracks[rng.integers(len(self.tracks))]
            start = rng.integers(len(track))
            excerpt[:] = np.take(track, np.arange(start, start + samples), mode="wrap")
        return excerpts


def silence(noise: Noise, rng: np.random.Generator, count: int, samples: int) -> np.ndarray:
    """Clips without speech, float32 (count, samples): noise from inaudible to loud."""
    level_db = rng.uniform(-80, -15, (count, 1))
    return (noise.draw(rng, count, samples) * 10 ** (level_db / 20)).astype(np.float32)


def _synthetic(rng: np.random.Generator, samples: int) -> list[np.ndarray]:
    """Noise whose power falls as 1/f^slope, and a 50 Hz hum with its harmonics."""
    frequencies = np.fft.rfftfreq(samples, 1 / audio.RATE)
    tracks = []
    for slope in (0.0, 0.5, 1.0, 1.5, 2.0):
        spectrum = np.fft.rfft(rng.standard_normal(samples))
        spectrum *= np.maximum(frequencies, 20.0) ** (-slope / 2)
        tracks.append(np.fft.irfft(spectrum, samples).astype(np.float32))
    time = np.arange(samples) / audio.RATE
    hum = sum(
        np.sin(2 * np.pi * 50 * k * time + rng.uniform(0, 2 * np.pi)) / k for k in range(1, 12)
    )
    tracks.append((hum + 0.02 * rng.standard_normal(samples)).astype(np.float32))
    return tracks

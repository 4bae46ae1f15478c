"""Where a word is spoken: in quiet, in noise, across a room."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws import audio
from kws.audio.levels import loudness
from kws.datasets.noise import Noise
from kws.datasets.rooms import Room, draw_rooms, reverberate

# Root mean square of a pause, -80 dBFS: a microphone in a quiet room.
FLOOR = 1e-4


@dataclass(frozen=True)
class Condition:
    """Quiet, noise, or a room.

    noise: added to each recording and the pauses around it, ``snr_db`` below the recording's
    loudest tenth of a second. rooms: each recording is put into one of them, chosen at random.
    Without both a recording stays as it is.
    """

    name: str
    noise: Noise | None = None
    snr_db: float = 0.0
    rooms: Sequence[Room] = ()

    def apply(
        self, clip: np.ndarray, before: float, after: float, rng: np.random.Generator
    ) -> np.ndarray:
        """The clip (samples,) in the condition, with a pause of ``before`` seconds before it and
        one of ``after`` seconds after it: float32 (samples,)."""
        lead, tail = int(before * audio.RATE), int(after * audio.RATE)
        placed = pause(lead + len(clip) + tail, rng)
        if self.rooms:
            clip = reverberate(clip, self.rooms[rng.integers(len(self.rooms))])[: len(clip) + tail]
        placed[lead : lead + len(clip)] += clip
        if self.noise:
            level = loudness(np.pad(clip, (0, audio.RATE // 10)))
            noise = self.noise.draw(rng, 1, len(placed))[0]
            placed += noise * level / 10 ** (self.snr_db / 20)
        return np.clip(placed, -1, 1)


def conditions(noise: Path | None, snrs: Sequence[float], far: bool) -> list[Condition]:
    """The conditions to score in: as recorded, in noise at each of ``snrs``, in rooms if ``far``.

    noise: a folder of recordings; synthetic noise by default. snrs: in dB.
    """
    chosen = [Condition("clean")]
    if snrs:
        bank = Noise(noise)
        chosen += [Condition(f"noise {snr:g} dB", noise=bank, snr_db=snr) for snr in snrs]
    if far:
        chosen.append(Condition("far", rooms=tuple(draw_rooms(6))))
    return chosen


def pause(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Near-silence, float32 (samples,)."""
    return (FLOOR * rng.standard_normal(samples)).astype(np.float32)


def rng_for(path: Path) -> np.random.Generator:
    """A random generator that depends on the recording's name only, not on its stream."""
    return np.random.default_rng([zlib.crc32(path.name.encode()), 0])

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

# Of the silence before and after a recording, as a microphone in a quiet room has it: -80 dBFS.
FLOOR = 1e-4


@dataclass(frozen=True)
class Condition:
    """``noise`` is added ``snr_db`` below the loudest tenth of a second of each word, over the
    pause before and after it too; ``rooms`` are taken in turn at random. Neither: as recorded."""

    name: str
    noise: Noise | None = None
    snr_db: float = 0.0
    rooms: Sequence[Room] = ()

    def stage(
        self, clip: np.ndarray, before: float, after: float, rng: np.random.Generator
    ) -> np.ndarray:
        """The clip with ``before`` and ``after`` seconds around it: float32 (samples,)."""
        lead, tail = int(before * audio.RATE), int(after * audio.RATE)
        staged = pause(lead + len(clip) + tail, rng)
        if self.rooms:
            clip = reverberate(clip, self.rooms[rng.integers(len(self.rooms))])[: len(clip) + tail]
        staged[lead : lead + len(clip)] += clip
        if self.noise:
            level = loudness(np.pad(clip, (0, audio.RATE // 10)))
            noise = self.noise.draw(rng, 1, len(staged))[0]
            staged += noise * level / 10 ** (self.snr_db / 20)
        return np.clip(staged, -1, 1)


def conditions(noise: Path | None, snrs: Sequence[float], far: bool) -> list[Condition]:
    """As recorded; in noise at each ratio, from the folder or, without one, made up; far."""
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


def rng_for(path: Path, salt: int = 0) -> np.random.Generator:
    """The same random numbers for a recording however the work is divided."""
    return np.random.default_rng([zlib.crc32(path.name.encode()), salt])

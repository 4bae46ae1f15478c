"""Between a mouth and a recording: a room, and a microphone with its own frequency response."""

from functools import lru_cache

import numpy as np

from kws import audio
from kws.corpus.rooms import draw_rooms

_TAPS = 6000  # of a room's response that are kept: 375 ms


class Acoustics:
    """Puts windows of ``samples`` samples into ``rooms`` different rooms.

    Raises KwsError where pyroomacoustics is missing.
    """

    def __init__(self, samples: int, rooms: int = 60):
        self._samples = samples
        self._size = 1 << (samples + _TAPS - 1).bit_length()
        places = draw_rooms(rooms, rt60=(0.2, 0.8), distance=(0.3, 4.0))
        self._rooms = np.stack(
            [np.fft.rfft(_unit(place.response[:_TAPS]), self._size) for place in places]
        )

    def __call__(self, sound: np.ndarray, rng: np.random.Generator, rooms: float) -> np.ndarray:
        """The sound (samples,) through a microphone, with probability ``rooms`` from a room."""
        spectrum = np.fft.rfft(sound, self._size) * self._microphone(rng)
        if rng.random() < rooms:
            spectrum *= self._rooms[rng.integers(len(self._rooms))]
        return np.fft.irfft(spectrum, self._size)[: self._samples].astype(np.float32)

    def _microphone(self, rng) -> np.ndarray:
        """A smooth frequency response within some decibels, low and high ends cut at times."""
        bins = self._size // 2 + 1
        hertz = np.linspace(0, audio.RATE / 2, bins)
        points = np.array([0, 100, 300, 800, 2000, 4000, 8000])
        gain_db = rng.normal(0, 3, len(points))
        if rng.random() < 0.3:
            gain_db[:2] -= rng.uniform(5, 25)
        if rng.random() < 0.3:
            gain_db[-1] -= rng.uniform(5, 30)
        return 10 ** (np.interp(hertz, points, gain_db) / 20)


@lru_cache(maxsize=1)
def acoustics(samples: int) -> Acoustics:
    """The same rooms for every batch of a training."""
    return Acoustics(samples)


def _unit(response: np.ndarray) -> np.ndarray:
    return response / max(float(np.sqrt(np.sum(response**2))), 1e-9)

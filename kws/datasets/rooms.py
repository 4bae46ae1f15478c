"""Far speech: what a microphone across the room hears of a word.

Rooms are boxes with the same absorption on every wall; the response is that of the image-source
method (Allen, Berkley 1979) as pyroomacoustics computes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from kws import audio
from kws.audio.levels import loudness_of
from kws.utils.errors import KwsError


@dataclass(frozen=True)
class Room:
    """A place to speak and a place to listen: ``response`` float32 (taps,), whose first tap is
    the direct sound; ``rt60``, the reverberation time in seconds that the walls were chosen for;
    ``distance`` between mouth and microphone in metres."""

    response: np.ndarray
    rt60: float
    distance: float


def draw_rooms(
    count: int,
    seed: int = 0,
    rt60: tuple[float, float] = (0.4, 0.6),
    distance: tuple[float, float] = (1.0, 3.0),
) -> list[Room]:
    """Rooms of a house, the same ones for the same seed.

    rt60, distance: shortest and longest, in seconds and metres. Raises KwsError where
    pyroomacoustics is missing.
    """
    try:
        import pyroomacoustics
    except ImportError as error:
        raise KwsError('rooms need pyroomacoustics: pip install "kws[score]"') from error
    rng = np.random.default_rng(seed)
    return [_draw(pyroomacoustics, rng, rt60, distance) for _ in range(count)]


def reverberate(clip: np.ndarray, room: Room) -> np.ndarray:
    """The clip as it sounds in the room, as loud as it was: float32 (samples + taps - 1,)."""
    from scipy.signal import oaconvolve

    wet = oaconvolve(clip, room.response).astype(np.float32)
    return wet * (loudness_of(clip) / max(loudness_of(wet), 1e-9))


def _draw(pyroomacoustics, rng, rt60: Sequence[float], distance: Sequence[float]) -> Room:
    size = rng.uniform([3.5, 3.0, 2.4], [6.0, 5.0, 3.0])
    seconds, metres = rng.uniform(*rt60), rng.uniform(*distance)
    mouth, microphone = _places(rng, size, metres)
    absorption, order = pyroomacoustics.inverse_sabine(seconds, size)
    # Reflections of a higher order than this are below the rest's level and take most of the time.
    box = pyroomacoustics.ShoeBox(
        size,
        fs=audio.RATE,
        materials=pyroomacoustics.Material(absorption),
        max_order=min(order, 40),
    )
    box.add_source(mouth)
    box.add_microphone(microphone)
    box.compute_rir()
    response = np.asarray(box.rir[0][0], np.float32)
    # Counted from the direct sound, so that a word ends where it did.
    return Room(response[int(np.argmax(np.abs(response))) :], float(seconds), float(metres))


def _places(rng, size: np.ndarray, metres: float) -> tuple[np.ndarray, np.ndarray]:
    """Two points half a metre or more from the walls, ``metres`` apart."""
    while True:
        mouth = rng.uniform([0.5, 0.5, 1.0], [size[0] - 0.5, size[1] - 0.5, 1.8])
        direction = rng.standard_normal(3) * [1, 1, 0.2]
        other = mouth + metres * direction / np.linalg.norm(direction)
        if (other > 0.5).all() and (other < size - 0.5).all():
            return mouth, other


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

"""Rooms and microphones: how a word sounds to a microphone across the room.

Rooms are boxes with the same absorption on every wall. Their impulse response is that of the
image-source method (Allen, Berkley 1979), computed by pyroomacoustics.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from kws import audio
from kws.audio.levels import loudness
from kws.utils.errors import KwsError

_TAPS = 6000  # of a room's response that training uses: 375 ms


@dataclass(frozen=True)
class Room:
    """A speaker and a microphone in a room.

    response: impulse response, float32 (taps,), whose first tap is the direct sound. rt60: the
    reverberation time that the walls were chosen for, in seconds. distance: from the mouth to the
    microphone, in metres.
    """

    response: np.ndarray
    rt60: float
    distance: float


def draw_rooms(
    count: int,
    seed: int = 0,
    rt60: tuple[float, float] = (0.4, 0.6),
    distance: tuple[float, float] = (1.0, 3.0),
) -> list[Room]:
    """``count`` rooms, the same ones for the same seed.

    rt60, distance: shortest and longest, in seconds and metres. Raises KwsError if
    pyroomacoustics is missing.
    """
    try:
        import pyroomacoustics
    except ImportError as error:
        raise KwsError('rooms need pyroomacoustics: pip install "kws[score]"') from error
    rng = np.random.default_rng(seed)

    def draw() -> Room:
        size = rng.uniform([3.5, 3.0, 2.4], [6.0, 5.0, 3.0])
        seconds, metres = rng.uniform(*rt60), rng.uniform(*distance)
        mouth, microphone = _places(rng, size, metres)
        absorption, order = pyroomacoustics.inverse_sabine(seconds, size)
        # Reflections of a higher order are quieter than the rest and take most of the time.
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
        # Without the delay of the direct sound, so that a word ends where it did.
        return Room(response[int(np.argmax(np.abs(response))) :], float(seconds), float(metres))

    return [draw() for _ in range(count)]


def reverberate(clip: np.ndarray, room: Room) -> np.ndarray:
    """The clip (samples,) as it sounds in the room, equally loud: float32 (samples + taps - 1,)."""
    from scipy.signal import oaconvolve

    wet = oaconvolve(clip, room.response).astype(np.float32)
    return wet * (float(loudness(clip)) / max(float(loudness(wet)), 1e-9))


class Acoustics:
    """Puts windows of ``samples`` samples into one of ``rooms`` rooms, at random.

    Raises KwsError if pyroomacoustics is missing.
    """

    def __init__(self, samples: int, rooms: int = 60):
        self._samples = samples
        self._size = 1 << (samples + _TAPS - 1).bit_length()
        drawn = draw_rooms(rooms, rt60=(0.2, 0.8), distance=(0.3, 4.0))
        self._rooms = np.stack(
            [np.fft.rfft(_unit(room.response[:_TAPS]), self._size) for room in drawn]
        )

    def __call__(self, sound: np.ndarray, rng: np.random.Generator, rooms: float) -> np.ndarray:
        """The sound through a microphone, with probability ``rooms`` from a room.

        sound: (samples,); returns float32 (samples,).
        """
        spectrum = np.fft.rfft(sound, self._size) * self._microphone(rng)
        if rng.random() < rooms:
            spectrum *= self._rooms[rng.integers(len(self._rooms))]
        return np.fft.irfft(spectrum, self._size)[: self._samples].astype(np.float32)

    def _microphone(self, rng: np.random.Generator) -> np.ndarray:
        """A smooth frequency response of a few decibels; at times the lows or the highs are cut."""
        hertz = np.linspace(0, audio.RATE / 2, self._size // 2 + 1)
        points = np.array([0, 100, 300, 800, 2000, 4000, 8000])
        gain_db = rng.normal(0, 3, len(points))
        if rng.random() < 0.3:
            gain_db[:2] -= rng.uniform(5, 25)
        if rng.random() < 0.3:
            gain_db[-1] -= rng.uniform(5, 30)
        return 10 ** (np.interp(hertz, points, gain_db) / 20)


@lru_cache(maxsize=1)
def acoustics(samples: int) -> Acoustics:
    """``Acoustics(samples)``, made once for all batches of a training."""
    return Acoustics(samples)


def _places(
    rng: np.random.Generator, size: np.ndarray, metres: float
) -> tuple[np.ndarray, np.ndarray]:
    """Two points half a metre or more from the walls, ``metres`` apart."""
    while True:
        mouth = rng.uniform([0.5, 0.5, 1.0], [size[0] - 0.5, size[1] - 0.5, 1.8])
        direction = rng.standard_normal(3) * [1, 1, 0.2]
        other = mouth + metres * direction / np.linalg.norm(direction)
        if (other > 0.5).all() and (other < size - 0.5).all():
            return mouth, other


def _unit(response: np.ndarray) -> np.ndarray:
    return response / max(float(np.sqrt(np.sum(response**2))), 1e-9)

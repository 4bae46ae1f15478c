"""Scenes: windows of sound as a detector's network sees them, with the keyword or without.

The window of a network in a stream moves over everything that a microphone hears. A scene with a
word holds a word that was just said, quietly or loudly, in a room, after other speech and before
more of it, over noise. Other scenes hold speech without the word, or noise alone.
"""

from collections.abc import Sequence

import numpy as np

from kws import audio
from kws.audio.levels import loudness
from kws.datasets.noise import Noise, silence
from kws.datasets.rooms import Acoustics

# Share of the scenes to which nothing is added. Phones and laptops suppress noise: three quarters
# of people's recordings of a word have a floor more than 57 dB below it, which is silence to the
# front end.
_QUIET = 0.5


class Scenes:
    """Draws windows float32 (samples,) at 16 kHz.

    speech: recordings of speech without the word, float32 (samples,) of any length. noise: is
    added to half of the scenes. rooms: how many different rooms.
    """

    def __init__(self, samples: int, speech: Sequence[np.ndarray], noise: Noise, rooms: int = 60):
        self.samples = samples
        self._speech = [s for s in speech if len(s) > audio.RATE // 10]
        weights = np.array([len(s) for s in self._speech], float)
        self._weights = weights / max(weights.sum(), 1)
        self._noise = noise
        self._acoustics = Acoustics(samples, rooms)

    def with_word(self, word: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A window (samples,) in which ``word``, trimmed, has just been said."""
        word = _resampled(word, rng)[-self.samples :]
        after = int(rng.uniform(0, 0.35) * audio.RATE)
        return self._finish(self._among_others(word, after, rng), rng)

    def with_part(self, word: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A window in which only the beginning, or only the end, of ``word`` was said."""
        word = _resampled(word, rng)
        kept = int(len(word) * rng.uniform(0.25, 0.6))
        if rng.random() < 0.5:
            part, after = word[:kept], 0
        else:
            part, after = word[-kept:], int(rng.uniform(0, 0.35) * audio.RATE)
        return self._finish(self._among_others(_faded(part), after, rng), rng)

    def of_speech(self, rng: np.random.Generator) -> np.ndarray:
        """A window of speech without the word."""
        excerpt = self._excerpt(self.samples + audio.RATE, rng)
        excerpt = _resampled(excerpt, rng)[: self.samples]
        return self._finish(_placed(excerpt, self.samples, self.samples), rng)

    def of_noise(self, rng: np.random.Generator) -> np.ndarray:
        """A window without speech, from inaudible to loud."""
        return silence(self._noise, rng, 1, self.samples)[0]

    def _among_others(self, word: np.ndarray, after: int, rng) -> np.ndarray:
        """A window in which the word ends ``after`` samples before the end, often amid speech."""
        word = word / max(float(np.abs(word).max()), 1e-6)
        end = self.samples - after
        scene = _placed(word, self.samples, end)
        start = end - len(word) - int(rng.uniform(0, 0.25) * audio.RATE)
        if rng.random() < 0.4 and start > 0:
            before = self._excerpt(start, rng)
            scene[:start] += _placed(_level(before, rng), start, start)
        begin = end + int(rng.uniform(0, 0.15) * audio.RATE)
        if rng.random() < 0.5 and begin < self.samples:
            scene[begin:] += _level(self._excerpt(self.samples - begin, rng), rng)
        return scene

    def _excerpt(self, length: int, rng) -> np.ndarray:
        """A piece of speech, padded with silence where the recording is shorter."""
        if not self._speech:
            return np.zeros(length, np.float32)
        recording = self._speech[rng.choice(len(self._speech), p=self._weights)]
        start = rng.integers(max(1, len(recording) - length + 1))
        piece = recording[start : start + length]
        return np.pad(piece, (0, length - len(piece)))

    def _finish(self, scene: np.ndarray, rng) -> np.ndarray:
        """The scene as a microphone in a room hears it, with noise, at a random level."""
        scene = self._acoustics(scene, rng, rooms=0.6)
        loudest = float(loudness(scene))
        if rng.random() >= _QUIET:
            snr_db = rng.uniform(0, 40)
            if rng.random() < 0.25 and self._speech:
                other = self._excerpt(self.samples, rng)
                other = other / max(float(loudness(other)), 1e-6)
                snr_db += 5
            else:
                other = self._noise.draw(rng, 1, self.samples)[0]
            scene = scene + other * loudest / 10 ** (snr_db / 20)
        level = 10 ** (rng.uniform(-45, -6) / 20)
        return np.clip(scene * (level / max(loudest, 1e-6)), -1, 1).astype(np.float32)


def _resampled(samples: np.ndarray, rng) -> np.ndarray:
    """Samples at another pace and pitch, from 13% slower to 15% faster."""
    positions = np.arange(0, len(samples) - 1, rng.uniform(0.87, 1.15))
    return np.interp(positions, np.arange(len(samples)), samples).astype(np.float32)


def _placed(piece: np.ndarray, length: int, end: int) -> np.ndarray:
    """``piece`` in ``length`` samples of silence, so that it ends at ``end``; cut at the start."""
    piece = piece[-end:] if end else piece[:0]
    return np.pad(piece, (end - len(piece), length - end)).astype(np.float32)


def _level(speech: np.ndarray, rng) -> np.ndarray:
    """Speech at about the level of a word whose peak is one."""
    return speech * (10 ** (rng.uniform(-12, 0) / 20) / max(float(np.abs(speech).max()), 1e-6))


def _faded(samples: np.ndarray) -> np.ndarray:
    """Samples faded in and out over 10 ms."""
    ramp = np.minimum(1, np.arange(len(samples)) / 160)
    return samples * np.minimum(ramp, ramp[::-1])

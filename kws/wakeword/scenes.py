"""Scenes: what a microphone's last second may hold, with a word in it or without.

A detector in a stream sees a window that moves over everything a microphone hears. A scene is
such a window: a word that was just said, quietly or loudly, in a room, after other speech and
before more of it, over noise; or the same without the word.
"""

from collections.abc import Sequence

import numpy as np

from kws import audio
from kws.audio.levels import loudness
from kws.datasets.noise import Noise
from kws.datasets.rooms import Acoustics

# Phones and laptops suppress noise: three quarters of people's recordings of a word have a floor
# more than 57 dB below it, which is silence to the front end.
QUIET = 0.5  # of the scenes, in which nothing is added


class Scenes:
    """Draws windows of ``samples`` samples.

    speech: other people's speech, float32 recordings of any length. noise: what lies under it.
    rooms: how many different rooms.
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
        word = _resampled(word, rng.uniform(0.87, 1.15))[-self.samples :]
        after = int(rng.uniform(0, 0.35) * audio.RATE)
        return self._finish(self._among_others(word, after, rng), rng)

    def with_part(self, word: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A window in which only the beginning, or only the end, of ``word`` was said."""
        word = _resampled(word, rng.uniform(0.87, 1.15))
        kept = int(len(word) * rng.uniform(0.25, 0.6))
        if rng.random() < 0.5:
            return self._finish(self._among_others(_faded(word[:kept]), 0, rng), rng)
        after = int(rng.uniform(0, 0.35) * audio.RATE)
        return self._finish(self._among_others(_faded(word[-kept:]), after, rng), rng)

    def of_speech(self, rng: np.random.Generator) -> np.ndarray:
        """A window out of somebody's speech."""
        excerpt = self._excerpt(self.samples + audio.RATE, rng)
        excerpt = _resampled(excerpt, rng.uniform(0.87, 1.15))[: self.samples]
        return self._finish(_placed(excerpt, self.samples, self.samples), rng)

    def of_noise(self, rng: np.random.Generator) -> np.ndarray:
        """A window without speech, from inaudible to loud."""
        level = 10 ** (rng.uniform(-80, -15) / 20)
        return (self._noise.draw(rng, 1, self.samples)[0] * level).astype(np.float32)

    def _among_others(self, word: np.ndarray, after: int, rng) -> np.ndarray:
        """The word so that it ends ``after`` samples before the end, often between speech."""
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
        """Room and microphone, noise, and level."""
        scene = self._acoustics(scene, rng, rooms=0.6)
        loudest = float(loudness(scene))
        if rng.random() >= QUIET:
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


def _resampled(samples: np.ndarray, rate: float) -> np.ndarray:
    positions = np.arange(0, len(samples) - 1, rate)
    return np.interp(positions, np.arange(len(samples)), samples).astype(np.float32)


def _placed(piece: np.ndarray, length: int, end: int) -> np.ndarray:
    """``piece`` in ``length`` samples of silence, so that it ends at ``end``; cut at the start."""
    piece = piece[-end:] if end else piece[:0]
    return np.pad(piece, (end - len(piece), length - end)).astype(np.float32)


def _level(speech: np.ndarray, rng) -> np.ndarray:
    """Speech at about the level of a word whose peak is one."""
    return speech * (10 ** (rng.uniform(-12, 0) / 20) / max(float(np.abs(speech).max()), 1e-6))


def _faded(samples: np.ndarray) -> np.ndarray:
    ramp = np.minimum(1, np.arange(len(samples)) / 160)
    return samples * np.minimum(ramp, ramp[::-1])

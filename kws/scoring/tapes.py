"""What is played to a listener: recordings one after another, and where each of them is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from kws import audio
from kws.corpus.clips import Clip
from kws.corpus.joined import join
from kws.corpus.noise import Noise
from kws.errors import KwsError
from kws.scoring.conditions import Condition, pause, rng_for

# Around each recording of a keyword: longer than any window here, so that recordings do not meet.
AROUND_WORD = 2.0
# After each recording of a background: long enough for the clicks of their ends not to meet.
BETWEEN = 0.5


@dataclass(frozen=True)
class Place:
    """A recording on the tape and, if it holds a keyword, where that ends: seconds."""

    path: Path
    word: str | None
    start: float
    end: float
    word_end: float | None = None


@dataclass(frozen=True)
class Words:
    """Recordings of a keyword, in a condition, with pauses around each."""

    paths: Sequence[Path]
    word: str
    condition: Condition

    def play(self, places: list[Place]) -> Iterator[np.ndarray]:
        """Yield float32 chunks at 16 kHz; append to ``places`` where the recordings are.

        Raises KwsError if a recording cannot be read.
        """
        at = 0.0
        for path in self.paths:
            clip = audio.read(path)
            staged = self.condition.stage(clip, AROUND_WORD, AROUND_WORD, rng_for(path))
            start = at + AROUND_WORD
            end, word_end = start + len(clip) / audio.RATE, start + spoken_until(clip)
            places.append(Place(path, self.word, start, end, word_end))
            at += len(staged) / audio.RATE
            yield staged


@dataclass(frozen=True)
class Background:
    """Recordings without a keyword, of any length."""

    paths: Sequence[Path]

    def play(self, places: list[Place]) -> Iterator[np.ndarray]:
        """As ``Words.play``."""
        at = 0
        for path in self.paths:
            start = at
            for block in audio.blocks(path):
                at += len(block)
                yield block
            places.append(Place(path, None, start / audio.RATE, at / audio.RATE))
            between = pause(int(BETWEEN * audio.RATE), rng_for(path))
            at += len(between)
            yield between


@dataclass(frozen=True)
class Joined:
    """Clips of many words over steady noise, with pauses; see ``kws.corpus.joined.join``."""

    clips: Sequence[Clip]
    noise: Noise
    seed: int

    def play(self, places: list[Place]) -> Iterator[np.ndarray]:
        """As ``Words.play``."""
        samples, placed = join(self.clips, self.noise, np.random.default_rng(self.seed))
        for clip, at in zip(self.clips, placed, strict=True):
            clip_samples = samples[int(at.start * audio.RATE) : int(at.end * audio.RATE)]
            word_end = at.start + spoken_until(clip_samples)
            places.append(Place(clip.path, clip.word, at.start, at.end, word_end))
        yield samples
        # So that a word at the very end is heard out.
        yield pause(int(AROUND_WORD * audio.RATE), np.random.default_rng(self.seed))


def background_tapes(folders: Sequence[Path], seconds: float = 300.0) -> list[Background]:
    """The folders' recordings on tapes of about ``seconds`` each, to be heard in parallel.

    Raises KwsError if a folder is missing or holds no recordings, or one is not audio.
    """
    tapes: list[Background] = []
    for folder in folders:
        paths = audio.find(folder)
        if not paths:
            raise KwsError(f"{folder}: holds no recordings", 2)
        lengths = np.cumsum([duration(path) for path in paths])
        for number in range(int(lengths[-1] / seconds) + 1):
            mine = np.flatnonzero((lengths - 1e-6) // seconds == number)
            if len(mine):
                tapes.append(Background([paths[k] for k in mine]))
    return tapes


def duration(path: Path) -> float:
    """Seconds of audio in a file, by its header."""
    try:
        return soundfile.info(path).duration
    except soundfile.LibsndfileError as error:
        raise KwsError(f"{path}: is not audio that can be read ({error})") from error


def spoken_until(clip: np.ndarray) -> float:
    """Where the speech in a clip of one word ends, in seconds.

    The end of the last 10 ms within 30 dB of the loudest and 6 dB above the clip's own quiet
    (its lower decile); the end of the clip where everything is as loud.
    """
    block = audio.RATE // 100
    blocks = clip[: len(clip) // block * block].reshape(-1, block)
    if not len(blocks):
        return len(clip) / audio.RATE
    level = np.square(blocks, dtype=np.float64).mean(axis=1)
    loud = np.flatnonzero(level > max(level.max() / 1000, 4 * np.quantile(level, 0.1)))
    return (loud[-1] + 1) * block / audio.RATE if len(loud) else len(clip) / audio.RATE

"""What is played to a system: recordings one after another, and where each of them is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws import audio
from kws.audio.io import duration
from kws.audio.levels import loudness, speech_end
from kws.datasets.clips import Clip
from kws.datasets.noise import Noise
from kws.evaluation.conditions import Condition, pause, rng_for
from kws.utils.errors import KwsError

# Around each recording of a keyword: longer than any window here, so that recordings do not meet.
AROUND_WORD = 2.0
# After each recording of a background: long enough for the clicks of their ends not to meet.
BETWEEN = 0.5


@dataclass(frozen=True)
class Segment:
    """A recording on the tape and, if it holds a keyword, where that ends: seconds."""

    path: Path
    word: str | None
    start: float
    end: float
    word_end: float | None = None


@dataclass(frozen=True)
class KeywordStream:
    """Recordings of a keyword, in a condition, with pauses around each."""

    paths: Sequence[Path]
    word: str
    condition: Condition

    def play(self, segments: list[Segment]) -> Iterator[np.ndarray]:
        """Yield float32 chunks at 16 kHz; append to ``segments`` where the recordings are.

        Raises KwsError if a recording cannot be read.
        """
        at = 0.0
        for path in self.paths:
            clip = audio.read(path)
            staged = self.condition.stage(clip, AROUND_WORD, AROUND_WORD, rng_for(path))
            start = at + AROUND_WORD
            end, word_end = start + len(clip) / audio.RATE, start + speech_end(clip)
            segments.append(Segment(path, self.word, start, end, word_end))
            at += len(staged) / audio.RATE
            yield staged


@dataclass(frozen=True)
class BackgroundStream:
    """Recordings without a keyword, of any length."""

    paths: Sequence[Path]

    def play(self, segments: list[Segment]) -> Iterator[np.ndarray]:
        """As ``Words.play``."""
        at = 0
        for path in self.paths:
            start = at
            for block in audio.blocks(path):
                at += len(block)
                yield block
            segments.append(Segment(path, None, start / audio.RATE, at / audio.RATE))
            between = pause(int(BETWEEN * audio.RATE), rng_for(path))
            at += len(between)
            yield between


@dataclass(frozen=True)
class JoinedStream:
    """Clips of many words over steady noise, with pauses; see ``kws.corpus.joined.join``."""

    clips: Sequence[Clip]
    noise: Noise
    seed: int

    def play(self, segments: list[Segment]) -> Iterator[np.ndarray]:
        """As ``Words.play``."""
        samples, placed = join_clips(self.clips, self.noise, np.random.default_rng(self.seed))
        for clip, at in zip(self.clips, placed, strict=True):
            clip_samples = samples[int(at.start * audio.RATE) : int(at.end * audio.RATE)]
            word_end = at.start + speech_end(clip_samples)
            segments.append(Segment(clip.path, clip.word, at.start, at.end, word_end))
        yield samples
        # So that a word at the very end is heard out.
        yield pause(int(AROUND_WORD * audio.RATE), np.random.default_rng(self.seed))


def background_streams(
    surveys: Sequence[audio.Survey], seconds: float = 300.0
) -> list[BackgroundStream]:
    """The folders' recordings on tapes of about ``seconds`` each, to be heard in parallel.

    Raises KwsError if a folder holds no recordings, or one is not audio.
    """
    tapes: list[BackgroundStream] = []
    for survey in surveys:
        paths = survey.paths
        if not paths:
            raise KwsError(f"{survey.folder}: holds no recordings", 2)
        lengths = np.cumsum([duration(path) for path in paths])
        for number in range(int(lengths[-1] / seconds) + 1):
            mine = np.flatnonzero((lengths - 1e-6) // seconds == number)
            if len(mine):
                tapes.append(BackgroundStream([paths[k] for k in mine]))
    return tapes


@dataclass(frozen=True)
class Placement:
    """A word and the seconds at which its clip begins and ends."""

    word: str
    start: float
    end: float


def join_clips(
    clips: Sequence[Clip],
    noise: Noise,
    rng: np.random.Generator,
    pause: tuple[float, float] = (0.5, 1.5),
    snr_db: float = 20.0,
) -> tuple[np.ndarray, list[Placement]]:
    """Clips one after the other over steady noise: float32 (samples,), and their segments.

    pause: shortest and longest silence between clips, in seconds. snr_db: of the clips' median
    loudness to the noise.
    """
    pieces, segments, at = [], [], 0
    voices = [audio.read(clip.path) for clip in clips]
    for clip, voice in zip(clips, voices, strict=True):
        gap = int(rng.uniform(*pause) * audio.RATE)
        pieces += [np.zeros(gap, np.float32), voice]
        start = at + gap
        at = start + len(voice)
        segments.append(Placement(clip.word, start / audio.RATE, at / audio.RATE))
    pieces.append(np.zeros(int(pause[1] * audio.RATE), np.float32))
    speech = np.concatenate(pieces)
    level = np.median([float(loudness(voice)) for voice in voices])
    background = noise.draw(rng, 1, len(speech))[0] * level / 10 ** (snr_db / 20)
    return np.clip(speech + background, -1, 1).astype(np.float32), segments


def matches(segments: Sequence[Placement], detections: Sequence, words: Sequence[str]) -> dict:
    """What a detector made of a joined recording.

    A word counts as found if it was detected while its clip lasted, give or take a quarter of a
    second. Returns counts ``words``, ``found``, and ``false``: detections of no word there.
    """
    wanted = [segment for segment in segments if segment.word in words]
    hits = [
        any(
            d.keyword == segment.word and segment.start - 0.25 <= d.time <= segment.end + 0.25
            for d in detections
        )
        for segment in wanted
    ]
    right = sum(
        any(
            d.keyword == segment.word and segment.start - 0.25 <= d.time <= segment.end + 0.25
            for segment in wanted
        )
        for d in detections
    )
    return {"words": len(wanted), "found": sum(hits), "false": len(detections) - right}

"""Streams to score on: recordings one after another, and the place of each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws import audio
from kws.audio.levels import loudness, speech_end
from kws.datasets.clips import Clip
from kws.datasets.noise import Noise
from kws.evaluation.conditions import Condition, pause, rng_for
from kws.utils.errors import KwsError

# Seconds before and after each recording of a keyword: longer than the window of any model, so
# that no window holds parts of two recordings.
AROUND_WORD = 2.0
# Seconds after each recording of a background, so that two do not meet in a click.
BETWEEN = 0.5
# Of joined clips to the noise that is added to them.
SNR_DB = 20.0


@dataclass(frozen=True)
class Segment:
    """A recording in a stream, from ``start`` to ``end`` in seconds from the stream's start.

    word: the keyword in it, if any. word_end: where the speech of that word ends.
    """

    path: Path
    word: str | None
    start: float
    end: float
    word_end: float | None = None


@dataclass(frozen=True)
class KeywordStream:
    """Recordings of a keyword in a condition, with a pause before and after each."""

    paths: Sequence[Path]
    word: str
    condition: Condition

    def chunks(self, segments: list[Segment]) -> Iterator[np.ndarray]:
        """Yield float32 (samples,) at 16 kHz; append to ``segments`` where the recordings are.

        Raises KwsError if a recording cannot be read.
        """
        at = 0.0
        for path in self.paths:
            clip = audio.read(path)
            placed = self.condition.apply(clip, AROUND_WORD, AROUND_WORD, rng_for(path))
            start = at + AROUND_WORD
            end, word_end = start + len(clip) / audio.RATE, start + speech_end(clip)
            segments.append(Segment(path, self.word, start, end, word_end))
            at += len(placed) / audio.RATE
            yield placed


@dataclass(frozen=True)
class BackgroundStream:
    """Recordings without a keyword, of any length."""

    paths: Sequence[Path]

    def chunks(self, segments: list[Segment]) -> Iterator[np.ndarray]:
        """As ``KeywordStream.chunks``."""
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
    """Clips of many words with pauses over steady noise, ``snr_db`` below them."""

    clips: Sequence[Clip]
    noise: Noise
    seed: int
    snr_db: float = SNR_DB

    def chunks(self, segments: list[Segment]) -> Iterator[np.ndarray]:
        """As ``KeywordStream.chunks``."""
        rng = np.random.default_rng(self.seed)
        samples, placed = join_clips(self.clips, self.noise, rng, snr_db=self.snr_db)
        segments += placed
        yield samples
        # A word at the very end is reported in this pause.
        yield pause(int(AROUND_WORD * audio.RATE), np.random.default_rng(self.seed))


def background_streams(
    surveys: Sequence[audio.Survey], seconds: float = 300.0
) -> list[BackgroundStream]:
    """The folders' recordings in streams of about ``seconds`` each, to score them in parallel.

    Raises KwsError if a folder holds no recordings, or one is not audio.
    """
    streams: list[BackgroundStream] = []
    for survey in surveys:
        paths = survey.paths
        if not paths:
            raise KwsError(f"{survey.folder}: holds no recordings", 2)
        lengths = np.cumsum([audio.duration(path) for path in paths])
        for number in range(int(lengths[-1] / seconds) + 1):
            chosen = np.flatnonzero(np.maximum(0, lengths - 1e-6) // seconds == number)
            if len(chosen):
                streams.append(BackgroundStream([paths[k] for k in chosen]))
    return streams


def join_clips(
    clips: Sequence[Clip],
    noise: Noise,
    rng: np.random.Generator,
    pauses: tuple[float, float] = (0.5, 1.5),
    snr_db: float = SNR_DB,
) -> tuple[np.ndarray, list[Segment]]:
    """Clips one after another in steady noise: float32 (samples,) at 16 kHz, and their places.

    pauses: the shortest and the longest silence between clips, in seconds. snr_db: of the clips'
    median loudness to the noise. Raises KwsError if a clip cannot be read.
    """
    pieces, spans, at = [], [], 0
    voices = [audio.read(clip.path) for clip in clips]
    for voice in voices:
        gap = int(rng.uniform(*pauses) * audio.RATE)
        pieces += [np.zeros(gap, np.float32), voice]
        spans.append((at + gap, at + gap + len(voice)))
        at += gap + len(voice)
    pieces.append(np.zeros(int(pauses[1] * audio.RATE), np.float32))
    speech = np.concatenate(pieces)
    level = np.median([float(loudness(voice)) for voice in voices])
    background = noise.draw(rng, 1, len(speech))[0] * level / 10 ** (snr_db / 20)
    samples = np.clip(speech + background, -1, 1).astype(np.float32)
    segments = []
    for clip, (start, end) in zip(clips, spans, strict=True):
        word_end = start / audio.RATE + speech_end(samples[start:end])
        place = start / audio.RATE, end / audio.RATE, word_end
        segments.append(Segment(clip.path, clip.word, *place))
    return samples, segments

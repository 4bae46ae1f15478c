"""A stream of audio becomes detections of keywords.

The network sees the last window of features every ``stride`` frames; its posteriors are averaged
over a short time (Chen, Parada, Heigold 2014, section 2.3), and a keyword whose average passes
the threshold is reported once, then not again for a refractory time.
"""

from collections import deque
from dataclasses import dataclass
from math import ceil

import numpy as np

from kws.corpus.clips import SILENCE, UNKNOWN
from kws.runtime import Model


@dataclass(frozen=True)
class Detection:
    """A keyword heard: ``time`` is where the word is, in seconds from the start of the stream
    (the centre of the sound in the window that scored highest); ``decided`` is when the score
    had its peak; ``score`` in [0, 1]."""

    time: float
    keyword: str
    score: float
    decided: float


class Detector:
    """Feed it samples in chunks of any size; it returns the detections they complete.

    threshold: smoothed posterior that counts. stride_ms: time between two looks. smoothing_ms:
    span of the average. refractory_ms: how long a keyword is not reported again.

    After each feed ``scores`` holds the latest smoothed posteriors (labels,), and ``trace``, if
    it was asked for, a (time, scores) pair for every look.
    """

    def __init__(
        self,
        model: Model,
        threshold: float = 0.7,
        stride_ms: float = 40.0,
        smoothing_ms: float = 200.0,
        refractory_ms: float = 750.0,
        trace: bool = False,
    ):
        fe = model.frontend
        self._model, self._threshold = model, threshold
        self._stride = max(1, round(stride_ms / fe.hop_ms))
        self._average = max(1, ceil(smoothing_ms / (self._stride * fe.hop_ms)))
        self._refractory = refractory_ms / 1000
        self._keywords = [
            k for k, label in enumerate(model.labels) if label not in (UNKNOWN, SILENCE)
        ]
        self._stream = fe.stream()
        # A stream begins in silence: the window is full of it, so that early words count too.
        self._window = np.full((model.frames, fe.bands), np.log(fe.floor), np.float32)
        self._frames = 0
        self._recent: deque[np.ndarray] = deque(maxlen=self._average)
        self._rising: Detection | None = None
        self._quiet_until: dict[str, float] = {}
        self.labels = model.labels
        self.scores = np.zeros(len(model.labels), np.float32)
        self.trace: list[tuple[float, np.ndarray]] | None = [] if trace else None

    def feed(self, chunk: np.ndarray) -> list[Detection]:
        """Take samples (any number, float32 in [-1, 1], 16 kHz); return new detections."""
        detections = []
        chunk = np.nan_to_num(np.asarray(chunk, np.float32), posinf=1.0, neginf=-1.0)
        for frame in self._stream.feed(chunk):
            self._window = np.concatenate([self._window[1:], frame[None]])
            self._frames += 1
            if self._frames % self._stride == 0:
                detections += self._look()
        return detections

    def finish(self) -> list[Detection]:
        """The stream is over: hear out a word at its very end, as if silence followed."""
        fe = self._model.frontend
        return self.feed(np.zeros(self._model.frames * fe.hop, np.float32))

    def _look(self) -> list[Detection]:
        """Score the window; report a keyword when its score has passed its peak."""
        fe = self._model.frontend
        now = fe.samples_in(self._frames) / fe.rate
        self._recent.append(self._model(self._window))
        self.scores = np.mean(self._recent, axis=0)
        if self.trace is not None:
            self.trace.append((now, self.scores))
        best = max(self._keywords, key=self.scores.__getitem__)
        score = float(self.scores[best])
        rising = self._rising
        if rising and score > rising.score:
            self._rising = self._candidate(now, best, score)
            return []
        if rising:
            self._rising = None
            self._quiet_until[rising.keyword] = now + self._refractory
            return [rising]
        if score >= self._threshold and now >= self._quiet_until.get(self._model.labels[best], 0):
            self._rising = self._candidate(now, best, score)
        return []

    def _candidate(self, now: float, label: int, score: float) -> Detection:
        keyword = self._model.labels[label]
        return Detection(round(self._loud_at(now), 3), keyword, round(score, 4), round(now, 3))

    def _loud_at(self, now: float) -> float:
        """The centre of what stands out from the background in the window, in seconds."""
        power = np.exp(self._window).sum(axis=1)
        power = np.maximum(0, power - np.median(power)) + 1e-9
        frame = float(power @ np.arange(len(power)) / power.sum())
        return max(0.0, now - (len(power) - 1 - frame) * self._model.frontend.hop_ms / 1000)

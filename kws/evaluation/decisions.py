"""What a detector reports for recorded posteriors, at any threshold, and what of it is right.

The rule is that of ``kws.detector.Decision`` for one keyword, worked out so that a threshold costs
as much as it has detections; the tests hold the two together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kws.evaluation.posteriors import Posteriors
from kws.evaluation.streams import Segment
from kws.evaluation.systems import System

# How long after its recording's end a keyword may be reported, in seconds.
GRACE = 0.75


@dataclass(frozen=True)
class Trigger:
    """A keyword's ``score`` at its peak, and the ``time`` at which it was reported."""

    score: float
    time: float


class SmoothedPosteriors:
    """A keyword's smoothed posteriors over time, ready to be decided on.

    The keyword is judged by itself, as if the model's others were not reported. smoothing_ms:
    span of the average; the system's own by default.
    """

    def __init__(
        self, system: System, heard: Posteriors, keyword: str, smoothing_ms: float | None = None
    ):
        scores = heard.scores[:, system.labels.index(keyword)]
        smoothing_ms = system.smoothing_ms if smoothing_ms is None else smoothing_ms
        self._scores = smooth(scores, steps_in(smoothing_ms, heard.times))
        self._times = heard.times
        self._refractory = system.refractory_ms / 1000
        self._at_crossing = system.reports == "crossing"
        self._tops = _tops(self._scores)

    def detections(self, threshold: float) -> list[Trigger]:
        """What is reported with this threshold, in order of time."""
        above = np.flatnonzero(self._scores >= threshold)
        times = self._times[above]
        found, k = [], 0
        while k < len(above):
            start = above[k]
            top = self._tops[start]
            if top + 1 == len(self._scores):
                break  # the stream ended while the score still rose
            passed = self._times[top + 1]
            reported = self._times[start] if self._at_crossing else passed
            found.append(Trigger(float(self._scores[top]), float(reported)))
            after = np.searchsorted(above, top + 2)
            k = max(int(after), int(np.searchsorted(times, passed + self._refractory)))
        return found

    def peaks(self, least: float) -> np.ndarray:
        """Scores of at least ``least`` at which the keyword may be reported, falling, each once."""
        scores = self._scores[np.unique(self._tops)]
        return np.unique(scores[scores >= least])[::-1]


def match(
    detections: Sequence[Trigger], segments: Sequence[Segment], word: str
) -> tuple[np.ndarray, list[Trigger]]:
    """What detections of a word are worth.

    A segment of ``word`` is found if the word was reported between its start and ``GRACE`` after
    its end; once or more is the same. Returns for each such segment the time of its first
    detection or NaN (segments of the word,), and the detections that belong to no such segment.
    """
    own = [segment for segment in segments if segment.word == word]
    times = np.array([detection.time for detection in detections])
    starts = np.array([segment.start for segment in own]).reshape(-1, 1)
    ends = np.array([segment.end for segment in own]).reshape(-1, 1) + GRACE
    inside = (starts <= times) & (times <= ends)
    first = np.where(inside, times, np.inf).min(axis=1, initial=np.inf)
    first[np.isinf(first)] = np.nan
    hits = inside.any(axis=0)
    return first, [detection for detection, hit in zip(detections, hits, strict=True) if not hit]


def smooth(scores: np.ndarray, looks: int) -> np.ndarray:
    """The mean of each score (looks,) and the ``looks`` - 1 before it, or what there is."""
    total = np.zeros_like(scores)
    for back in range(min(looks, len(scores)) - 1, -1, -1):
        total[back:] += scores[: len(scores) - back]
    return total / np.minimum(np.arange(1, len(scores) + 1), looks).astype(scores.dtype)


def steps_in(smoothing_ms: float, times: np.ndarray) -> int:
    """How many looks an average over ``smoothing_ms`` takes, as the detector counts them."""
    if len(times) < 2:
        return 1
    between = round(1000 * float(np.median(np.diff(times))), 3)
    return max(1, int(np.ceil(smoothing_ms / between))) if between > 0 else 1


def _tops(scores: np.ndarray) -> np.ndarray:
    """For each look the one at which the score, going on from it, stops rising (looks,)."""
    ends = np.flatnonzero(np.append(scores[1:] <= scores[:-1], True)[: len(scores)])
    return ends[np.searchsorted(ends, np.arange(len(scores)))]

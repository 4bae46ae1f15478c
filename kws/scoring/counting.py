"""What a detector reports for recorded posteriors, at any thresholds, and what of it is right.

The rule is ``kws.detector.Decision``'s, worked out so that a threshold costs as much as it has
detections; the tests hold the two together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kws.scoring.hearing import Heard
from kws.scoring.listeners import Listener
from kws.scoring.tapes import Place

# How long after its recording's end a keyword may be reported, in seconds.
GRACE = 0.75


@dataclass(frozen=True)
class Detection:
    """``keyword`` by its number; ``score`` at the peak; ``time`` when it was reported."""

    keyword: int
    score: float
    time: float


class Looks:
    """Smoothed posteriors of a listener's keywords over time, ready to be decided on.

    smoothing_ms: span of the average; the listener's own by default.
    """

    def __init__(self, listener: Listener, heard: Heard, smoothing_ms: float | None = None):
        columns = [listener.labels.index(keyword) for keyword in listener.keywords]
        smoothing_ms = listener.smoothing_ms if smoothing_ms is None else smoothing_ms
        scores = smooth(heard.scores, looks_in(smoothing_ms, heard.times))[:, columns]
        self._times = heard.times
        self._refractory = listener.refractory_ms / 1000
        self._at_crossing = listener.reports == "crossing"
        self._best = scores.argmax(axis=1)
        self._scores = np.take_along_axis(scores, self._best[:, None], axis=1)[:, 0]
        self._tops = _tops(self._scores)

    def detections(self, thresholds: np.ndarray) -> list[Detection]:
        """What is reported with these thresholds (keywords,), in order of time."""
        above = np.flatnonzero(self._scores >= thresholds[self._best])
        quiet_until = np.full(len(thresholds), -np.inf)
        found, k = [], 0
        while k < len(above):
            start = above[k]
            if self._times[start] < quiet_until[self._best[start]]:
                k += 1
                continue
            top = self._tops[start]
            if top + 1 == len(self._scores):
                break  # the stream ended while the score still rose
            keyword, passed = int(self._best[top]), self._times[top + 1]
            reported = self._times[start] if self._at_crossing else passed
            found.append(Detection(keyword, float(self._scores[top]), float(reported)))
            quiet_until[keyword] = passed + self._refractory
            k = int(np.searchsorted(above, top + 2))
        return found

    def peaks(self, keyword: int, least: float) -> np.ndarray:
        """Scores of at least ``least`` at which a keyword may be reported, falling, each once."""
        tops = np.unique(self._tops)
        scores = self._scores[tops[self._best[tops] == keyword]]
        return np.unique(scores[scores >= least])[::-1]


def count(
    detections: Sequence[Detection], keyword: int, places: Sequence[Place], word: str
) -> tuple[np.ndarray, list[Detection]]:
    """What detections of one keyword are worth.

    A place of ``word`` is found if the keyword was reported between its start and ``GRACE``
    after its end; once or more is the same. Returns for each such place the time of its first
    detection or NaN (places of the word,), and the detections that belong to no such place.
    """
    own = [place for place in places if place.word == word]
    first, false = np.full(len(own), np.nan), []
    starts = np.array([place.start for place in own])
    ends = np.array([place.end for place in own]) + GRACE
    for detection in detections:
        if detection.keyword != keyword:
            continue
        at = np.flatnonzero((starts <= detection.time) & (detection.time <= ends))
        if not len(at):
            false.append(detection)
        first[at[np.isnan(first[at])]] = detection.time
    return first, false


def smooth(scores: np.ndarray, looks: int) -> np.ndarray:
    """The mean of each look (looks, labels) and the ``looks`` - 1 before it, or what there is."""
    total = np.zeros_like(scores)
    for back in range(min(looks, len(scores)) - 1, -1, -1):
        total[back:] += scores[: len(scores) - back]
    return total / np.minimum(np.arange(1, len(scores) + 1), looks)[:, None].astype(np.float32)


def looks_in(smoothing_ms: float, times: np.ndarray) -> int:
    """How many looks an average over ``smoothing_ms`` takes, as the detector counts them."""
    if len(times) < 2:
        return 1
    between = round(1000 * float(np.median(np.diff(times))), 3)
    return max(1, int(np.ceil(smoothing_ms / between))) if between > 0 else 1


def _tops(scores: np.ndarray) -> np.ndarray:
    """For each look the one at which the score, going on from it, stops rising (looks,)."""
    tops = np.arange(len(scores))
    stops = np.append(scores[1:] <= scores[:-1], True)
    ends = np.flatnonzero(stops)
    return ends[np.searchsorted(ends, tops)]

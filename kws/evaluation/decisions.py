"""What a detector reports at any threshold, from kept posteriors, and which reports are right.

The rule is that of ``kws.runtime.decision.Decision`` for one keyword, computed so that a threshold
costs time only for its detections. Tests hold the two together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kws.evaluation.posteriors import Posteriors
from kws.evaluation.streams import Segment
from kws.evaluation.systems import System
from kws.runtime.detector import Detection

# How long after the end of its recording a keyword may be reported, in seconds.
GRACE = 0.75


@dataclass(frozen=True)
class Trigger:
    """A report of a keyword: its ``score`` at the peak, and the ``time`` of the report in s."""

    score: float
    time: float


class KeywordScores:
    """The smoothed posteriors of one keyword over time.

    The keyword is judged by itself, as if the model's other keywords were not reported.
    smoothing_ms: span of the average; by default the system's own.
    """

    def __init__(
        self,
        system: System,
        posteriors: Posteriors,
        keyword: str,
        smoothing_ms: float | None = None,
    ):
        scores = posteriors.scores[:, system.labels.index(keyword)]
        smoothing_ms = system.smoothing_ms if smoothing_ms is None else smoothing_ms
        self._scores = _smooth(scores, _steps_in(smoothing_ms, posteriors.times))
        self._times = posteriors.times
        self._refractory = system.refractory_ms / 1000
        self._at_crossing = system.reports == "crossing"
        self._peaks = _peaks(self._scores)

    def triggers(self, threshold: float) -> list[Trigger]:
        """What is reported at this threshold, in order of time."""
        above = np.flatnonzero(self._scores >= threshold)
        times = self._times[above]
        found, k = [], 0
        while k < len(above):
            start = above[k]
            peak = self._peaks[start]
            if peak + 1 == len(self._scores):
                break  # the stream ended while the score still rose
            passed = self._times[peak + 1]
            reported = self._times[start] if self._at_crossing else passed
            found.append(Trigger(float(self._scores[peak]), float(reported)))
            after = np.searchsorted(above, peak + 2)
            k = max(int(after), int(np.searchsorted(times, passed + self._refractory)))
        return found

    def peak_scores(self, least: float) -> np.ndarray:
        """The scores of at least ``least`` that a report may have, falling, each once."""
        scores = self._scores[np.unique(self._peaks)]
        return np.unique(scores[scores >= least])[::-1]


def match(
    triggers: Sequence[Trigger | Detection], segments: Sequence[Segment], word: str
) -> tuple[np.ndarray, list]:
    """Which recordings of a word were found, and which reports of it are false.

    triggers: reports of ``word``, also ``kws.runtime.Detection``. A recording of the word is found
    if the word was reported once or more between its start and ``GRACE`` after its end. Returns
    for each recording of the word the time of its first report in seconds, or NaN: float64
    (recordings,), and the reports that belong to none of them.
    """
    own = [segment for segment in segments if segment.word == word]
    times = np.array([trigger.time for trigger in triggers])
    starts = np.array([segment.start for segment in own]).reshape(-1, 1)
    ends = np.array([segment.end for segment in own]).reshape(-1, 1) + GRACE
    inside = (starts <= times) & (times <= ends)
    first = np.where(inside, times, np.inf).min(axis=1, initial=np.inf)
    first[np.isinf(first)] = np.nan
    hits = inside.any(axis=0)
    return first, [trigger for trigger, hit in zip(triggers, hits, strict=True) if not hit]


def _smooth(scores: np.ndarray, steps: int) -> np.ndarray:
    """The mean of each score (steps,) and the ``steps`` - 1 before it, or what there is."""
    total = np.zeros_like(scores)
    for back in range(min(steps, len(scores)) - 1, -1, -1):
        total[back:] += scores[: len(scores) - back]
    return total / np.minimum(np.arange(1, len(scores) + 1), steps).astype(scores.dtype)


def _steps_in(smoothing_ms: float, times: np.ndarray) -> int:
    """How many steps an average over ``smoothing_ms`` takes, as the detector counts them."""
    if len(times) < 2:
        return 1
    between = round(1000 * float(np.median(np.diff(times))), 3)
    return max(1, int(np.ceil(smoothing_ms / between))) if between > 0 else 1


def _peaks(scores: np.ndarray) -> np.ndarray:
    """For each step the one at which the score, going on from it, stops rising (steps,)."""
    ends = np.flatnonzero(np.append(scores[1:] <= scores[:-1], True)[: len(scores)])
    return ends[np.searchsorted(ends, np.arange(len(scores)))]

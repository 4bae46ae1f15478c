"""Posteriors become peaks of keywords; the C twin is export/detector.

The posteriors of each step are averaged over a short time. A keyword whose average passes its
threshold is reported once, at its peak, and not again for a refractory time (Chen, Parada, Heigold
2014, section 2.3).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from kws.labels import SILENCE, UNKNOWN

THRESHOLD, SMOOTHING_MS, REFRACTORY_MS = 0.7, 200.0, 750.0
# Between two steps: of a network that takes whole windows, and, as near as its strides allow, of
# a streaming one. A shorter step costs more, a longer one reacts later.
STEP_MS = 40.0


@dataclass(frozen=True)
class Peak:
    """A keyword's averaged posterior at its highest, and when that was, in seconds."""

    keyword: str
    score: float
    time: float


class Decision:
    """Finds the peaks in posteriors that arrive step by step.

    labels: one per posterior. step_ms: time between two steps. thresholds: the averaged posterior
    at which a keyword counts, by keyword; 0.7 for the others. smoothing_ms: span of the average.
    refractory_ms: how long a keyword is not reported again.

    ``scores`` holds the latest averages (labels,), zeros before the first step.
    """

    def __init__(
        self,
        labels: Sequence[str],
        step_ms: float,
        thresholds: Mapping[str, float] | None = None,
        smoothing_ms: float = SMOOTHING_MS,
        refractory_ms: float = REFRACTORY_MS,
    ):
        self._keywords = [
            (k, label, (thresholds or {}).get(label, THRESHOLD))
            for k, label in enumerate(labels)
            if label not in (UNKNOWN, SILENCE)
        ]
        average = max(1, ceil(smoothing_ms / step_ms))
        self._recent = np.zeros((average, len(labels)), np.float32)
        self._steps = 0
        self._refractory = refractory_ms / 1000
        self._rising: Peak | None = None
        self._quiet_until: dict[str, float] = {}
        self.scores = np.zeros(len(labels), np.float32)

    def push(self, time: float, posteriors: np.ndarray) -> Peak | None:
        """Take the posteriors (labels,) of a step at ``time`` in seconds.

        Returns the peak that is over with this step, if any; it was at the step before. A
        posterior that is no number passes no threshold.
        """
        recent = self._recent
        recent[self._steps % len(recent)] = posteriors
        self._steps += 1
        count = min(self._steps, len(recent))
        self.scores = np.add.reduce(recent[:count]) / np.float32(count)
        score, keyword = self._best(time)
        rising = self._rising
        if rising and not score > rising.score:
            self._rising = None
            self._quiet_until[rising.keyword] = time + self._refractory
            return rising
        if keyword:
            self._rising = Peak(keyword, score, time)
        return None

    def _best(self, time: float) -> tuple[float, str]:
        """The highest score of a keyword that may be reported, and that keyword; 0 if none may."""
        scores, best = self.scores.tolist(), (0.0, "")
        for k, keyword, threshold in self._keywords:
            passed = scores[k] >= threshold and scores[k] > best[0]
            if passed and time >= self._quiet_until.get(keyword, 0.0):
                best = scores[k], keyword
        return best

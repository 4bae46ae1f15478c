"""The threshold of a keyword for the false alarms per hour that a user allows.

``fit_keyword`` counts false alarms in a long background. ``extrapolated_threshold`` is for a short
one: a threshold above all scores in an hour of background may still give about one false alarm an
hour in other audio. It counts reports at a lower threshold and extrapolates. Above a high level the
excesses of nearly any quantity are distributed exponentially (Pickands 1975; Coles 2001, chapter
4); the quantity here is the log-odds of a report's score.
"""

from collections.abc import Sequence
from math import ceil

import numpy as np

from kws.evaluation.decisions import KeywordScores
from kws.evaluation.keyword import KeywordPosteriors
from kws.evaluation.rates import Point, at_rate
from kws.utils.errors import KwsError

_SMOOTHINGS_MS = (0, 60, 100, 150, 200, 300, 400)
_MIN_REPORTS = 12  # to fit the exponential distribution to
_MIN_SCORE = 0.05  # a lower score is no evidence
_MIN_THRESHOLD, _MAX_THRESHOLD = 0.3, 0.98  # thresholds; training asks for scores of 0.987 at most


def fit_keyword(posteriors: KeywordPosteriors, rate: float) -> dict:
    """The smoothing and the threshold that miss fewest at ``rate`` false alarms per hour.

    The misses of all conditions count alike. Of equals the shorter smoothing is taken, which
    reports sooner. Returns what a model file keeps as ``decision``. Raises KwsError if every
    recording is missed.
    """
    hours = posteriors.background.hours
    best = None
    for smoothing_ms in _SMOOTHINGS_MS:
        curves = [posteriors.curve(name, smoothing_ms) for name in posteriors.positives]
        summed = [
            Point(same[0].threshold, sum(p.missed for p in same), same[0].false_alarms)
            for same in zip(*curves, strict=True)
        ]
        point = at_rate(summed, rate, hours)
        if best is None or point.missed < best[0]:
            best = (point.missed, smoothing_ms, point.threshold)
    missed, smoothing_ms, threshold = best
    if missed == sum(len(positives.segments) for positives in posteriors.positives.values()):
        raise KwsError(
            f"no threshold finds {posteriors.keyword!r} at {rate:g} false alarms per hour"
        )
    return {
        "smoothing_ms": smoothing_ms,
        "refractory_ms": posteriors.system.refractory_ms,
        # Rounded up: down would let the next false alarm in.
        "thresholds": {
            **posteriors.system.thresholds,
            posteriors.keyword: ceil(threshold * 1e7) / 1e7,
        },
    }


def extrapolated_threshold(rate: float, scores: KeywordScores, hours: float) -> float:
    """The threshold at which ``rate`` false alarms an hour are to be expected.

    scores: of a keyword in ``hours`` of background.
    """
    level, found = _MIN_SCORE, []
    for level in map(float, scores.peak_scores(_MIN_SCORE)):
        found = [trigger.score for trigger in scores.triggers(level)]
        if len(found) >= _MIN_REPORTS:
            break
    if not found:
        return _MIN_THRESHOLD
    return float(np.clip(extrapolate(found, level, rate, hours), _MIN_THRESHOLD, _MAX_THRESHOLD))


def extrapolate(scores: Sequence[float], level: float, rate: float, hours: float) -> float:
    """The score that ``rate`` reports an hour exceed.

    scores: of all reports above ``level`` in ``hours``.
    """
    excess = float(np.mean(_log_odds(np.asarray(scores)) - _log_odds(level)))
    log_odds = _log_odds(level) + excess * np.log(len(scores) / (rate * hours))
    return float(1 / (1 + np.exp(-log_odds)))


def _log_odds(scores: np.ndarray | float) -> np.ndarray:
    return np.log(scores) - np.log1p(-np.minimum(scores, 1 - 1e-7))

"""The threshold of a keyword for the false alarms per hour that a user allows.

``fit_keyword`` takes the threshold that the background shows. ``extrapolated_threshold`` is for
less background than that needs: above all scores of an hour of background, about one false alarm an
hour is still to be expected elsewhere. Lower scores say more. Beyond a high level, the excesses of
nearly any quantity fall off exponentially (Pickands 1975; Coles 2001, chapter 4), here those of the
log-odds of a report's score. Their mean extrapolates the count to the wanted rate.
"""

from collections.abc import Sequence
from math import ceil

import numpy as np

from kws.evaluation.decisions import KeywordScores
from kws.evaluation.keyword import KeywordPosteriors
from kws.evaluation.rates import Point, at_rate
from kws.utils.errors import KwsError

SMOOTHINGS_MS = (0, 60, 100, 150, 200, 300, 400)
REPORTS = 12  # that the exponential is fitted to
_LEAST = 0.05  # a lower score is no evidence
_LOWEST, _HIGHEST = 0.3, 0.98  # thresholds; training asks for scores of 0.987 at most


def fit_keyword(given: KeywordPosteriors, rate: float) -> dict:
    """The smoothing and the threshold that miss fewest at ``rate`` false alarms per hour.

    The misses of all conditions count alike. Of equals the shorter smoothing is taken, which
    reports sooner. Returns what a model file keeps as ``decision``. Raises KwsError if every
    recording is missed.
    """
    hours = given.background.hours
    best = None
    for smoothing_ms in SMOOTHINGS_MS:
        curves = [given.curve(name, smoothing_ms) for name in given.positives]
        summed = [
            Point(same[0].threshold, sum(p.missed for p in same), same[0].false_alarms)
            for same in zip(*curves, strict=True)
        ]
        point = at_rate(summed, rate, hours)
        if best is None or point.missed < best[0]:
            best = (point.missed, smoothing_ms, point.threshold)
    missed, smoothing_ms, threshold = best
    if missed == sum(len(positives.segments) for positives in given.positives.values()):
        raise KwsError(f"no threshold finds {given.keyword!r} at {rate:g} false alarms per hour")
    return {
        "smoothing_ms": smoothing_ms,
        "refractory_ms": given.system.refractory_ms,
        # Rounded up: down would let the next false alarm in.
        "thresholds": {**given.system.thresholds, given.keyword: ceil(threshold * 1e7) / 1e7},
    }


def extrapolated_threshold(rate: float, scores: KeywordScores, hours: float) -> float:
    """The threshold at which ``rate`` false alarms an hour are to be expected.

    scores: of a keyword in ``hours`` of background.
    """
    level, found = _LEAST, []
    for level in map(float, scores.peak_scores(_LEAST)):
        found = [trigger.score for trigger in scores.triggers(level)]
        if len(found) >= REPORTS:
            break
    if not found:
        return _LOWEST
    return float(np.clip(extrapolate(found, level, rate, hours), _LOWEST, _HIGHEST))


def extrapolate(scores: Sequence[float], level: float, rate: float, hours: float) -> float:
    """What ``rate`` reports an hour exceed, if the ``scores`` of ``hours`` exceed ``level``."""
    excess = float(np.mean(_log_odds(np.asarray(scores)) - _log_odds(level)))
    log_odds = _log_odds(level) + excess * np.log(len(scores) / (rate * hours))
    return float(1 / (1 + np.exp(-log_odds)))


def _log_odds(scores):
    return np.log(scores) - np.log1p(-np.minimum(scores, 1 - 1e-7))

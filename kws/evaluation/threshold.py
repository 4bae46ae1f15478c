"""A keyword's threshold for few false alarms per hour, from less background than that needs.

Above everything that was heard in an hour of background, about one false alarm an hour is still to
be expected elsewhere. What was heard below says more: beyond a high level, excesses of nearly any
quantity fall off exponentially (Pickands 1975; Coles 2001, chapter 4), here those of the log-odds
of a detection's score. Their mean carries the count on to the wanted rate.
"""

from collections.abc import Sequence
from math import ceil

import numpy as np

from kws.evaluation.decisions import SmoothedPosteriors
from kws.evaluation.keyword import KeywordPosteriors, _curve
from kws.evaluation.rates import Point, at_rate
from kws.utils.errors import KwsError

DETECTIONS = 12  # that the exponential is fitted to
_LEAST = 0.05  # a score below this is no evidence
_LOWEST, _HIGHEST = 0.3, 0.98  # thresholds; training asks for scores of 0.987 at most


def threshold_for(rate: float, looks: SmoothedPosteriors, hours: float) -> float:
    """The threshold at which ``rate`` false alarms an hour are to be expected.

    looks: a keyword's scores in background, ``hours`` long.
    """
    level, found = _LEAST, []
    for level in map(float, looks.peaks(_LEAST)):
        found = [detection.score for detection in looks.detections(level)]
        if len(found) >= DETECTIONS:
            break
    if not found:
        return _LOWEST
    return float(np.clip(extrapolated(found, level, rate, hours), _LOWEST, _HIGHEST))


def extrapolated(scores: Sequence[float], level: float, rate: float, hours: float) -> float:
    """What ``rate`` detections an hour exceed, if the ``scores`` of ``hours`` exceed ``level``."""
    excess = float(np.mean(_log_odds(np.asarray(scores)) - _log_odds(level)))
    log_odds = _log_odds(level) + excess * np.log(len(scores) / (rate * hours))
    return float(1 / (1 + np.exp(-log_odds)))


def _log_odds(scores):
    return np.log(scores) - np.log1p(-np.minimum(scores, 1 - 1e-7))


def fit_keyword(
    hearing: KeywordPosteriors,
    rate: float,
    choices_ms: Sequence[float] = (0, 60, 100, 150, 200, 300, 400),
) -> dict:
    """The smoothing and the threshold that miss fewest at ``rate`` false alarms per hour.

    The misses of all conditions count alike; of equals the shorter smoothing is taken, which
    answers sooner. Returns what a model file keeps as ``decision``. Raises KwsError if every
    positive is missed.
    """
    hours = hearing.background.hours
    best = None
    for smoothing_ms in choices_ms:
        curves = [_curve(hearing, name, smoothing_ms) for name in hearing.positives]
        summed = [
            Point(same[0].threshold, sum(p.missed for p in same), same[0].false_alarms)
            for same in zip(*curves, strict=True)
        ]
        point = at_rate(summed, rate, hours)
        if best is None or point.missed < best[0]:
            best = (point.missed, smoothing_ms, point.threshold)
    missed, smoothing_ms, threshold = best
    if missed == sum(len(heard.segments) for heard in hearing.positives.values()):
        raise KwsError(f"no threshold hears {hearing.keyword!r} at {rate:g} false alarms per hour")
    system = hearing.system
    return {
        "smoothing_ms": smoothing_ms,
        "refractory_ms": system.refractory_ms,
        # Rounded up: down would let the next false alarm in.
        "thresholds": {**system.thresholds, hearing.keyword: ceil(threshold * 1e7) / 1e7},
    }

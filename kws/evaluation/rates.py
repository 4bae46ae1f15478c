"""Curves of misses against false alarms per hour, operating points, and their intervals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

# The false alarms per hour at which models are compared.
RATES = (0.1, 0.5, 1.0)
# Curves end at this score, ...
MIN_SCORE = 0.01
# ... or above so many false alarms per hour, if at least as many were counted.
_MOST_PER_HOUR = 20


@dataclass(frozen=True)
class Point:
    """What one threshold costs."""

    threshold: float
    missed: int
    false_alarms: int


def sweep(
    peaks: np.ndarray, costs: Callable[[float], tuple[int, int]], positives: int, hours: float
) -> list[Point]:
    """The curve, from a threshold that nothing passes to lower ones.

    peaks: float32 (peaks,), the scores in the background at which false alarms become more,
    falling. costs: misses and false alarms at a threshold. Between two peaks the lowest threshold
    misses fewest, so that each point is just above a peak.
    """
    points = [Point(1.01, positives, 0)]
    for threshold in [*np.nextafter(peaks, np.float32(2)).tolist(), MIN_SCORE]:
        point = Point(threshold, *costs(threshold))
        points.append(point)
        if point.false_alarms > _MOST_PER_HOUR * max(hours, 1):
            break
    return points


def frr_interval(missed: int, positives: int, confidence: float = 0.95) -> tuple[float, float]:
    """The exact binomial interval of Clopper and Pearson (1934) for a share of misses."""
    from scipy.stats import binomtest

    interval = binomtest(missed, positives).proportion_ci(confidence, method="exact")
    return float(interval.low), float(interval.high)


def fa_interval(false_alarms: int, hours: float, confidence: float = 0.95) -> tuple[float, float]:
    """The exact Poisson interval (Garwood 1936) for false alarms per hour."""
    from scipy.stats import chi2

    tail = (1 - confidence) / 2
    low = chi2.ppf(tail, 2 * false_alarms) / 2 if false_alarms else 0.0
    return float(low / hours), float(chi2.ppf(1 - tail, 2 * false_alarms + 2) / 2 / hours)


def enough_hours(rate: float, hours: float) -> bool:
    """Whether so many hours can show ``rate`` false alarms per hour.

    They can if one false alarm is expected in them: 0.1 per hour takes ten hours. In fewer hours a
    model without a false alarm may have several times the rate (``fa_interval(0, hours)``).
    """
    return rate * hours >= 1 - 1e-9


def at_rate(points: Sequence[Point], rate: float, hours: float) -> Point:
    """The point with the fewest misses among those with at most ``rate`` false alarms per hour.

    Of equals the one with the fewest false alarms, then with the highest threshold. There is
    always one: ``points`` start where nothing is detected.
    """
    allowed = [point for point in points if point.false_alarms <= rate * hours + 1e-9]
    return min(allowed, key=lambda p: (p.missed, p.false_alarms, -p.threshold))


def corners(points: Sequence[Point]) -> list[Point]:
    """The points that no other one beats: from each to the next, false alarms rise and misses
    fall."""
    kept: list[Point] = []
    for point in sorted(points, key=lambda p: (p.false_alarms, p.missed, -p.threshold)):
        if not kept or point.missed < kept[-1].missed:
            kept.append(point)
    return kept


def summary(points: Sequence[Point], positives: int, hours: float) -> dict:
    """Curve and operating points for a results file.

    ``frr_at_fa_per_hour`` by rate; ``intervals`` by rate: threshold, counts, 95% intervals of
    both, and whether the hours are enough to claim the rate; ``det``: the curve's corners.
    """
    shares, intervals = {}, {}
    for rate in RATES:
        point = at_rate(points, rate, hours)
        shares[f"{rate:g}"] = round(point.missed / positives, 5)
        intervals[f"{rate:g}"] = {
            "threshold": point.threshold,
            "missed": point.missed,
            "frr_95": _rounded(frr_interval(point.missed, positives)),
            "false_alarms": point.false_alarms,
            "fa_per_hour": round(point.false_alarms / hours, 5),
            "fa_per_hour_95": _rounded(fa_interval(point.false_alarms, hours)),
            "enough_hours": enough_hours(rate, hours),
            "hours_needed": round(1 / rate, 3),
        }
    det = [
        {
            "threshold": point.threshold,
            "frr": round(point.missed / positives, 5),
            "fa_per_hour": round(point.false_alarms / hours, 5),
        }
        for point in corners(points)
    ]
    return {
        "positives": positives,
        "hours": round(hours, 4),
        "frr_at_fa_per_hour": shares,
        "intervals": intervals,
        "det": det,
    }


def latency_summary(seconds: np.ndarray) -> dict | None:
    """Median and 90th percentile in milliseconds of (words,) seconds; NaN (not found) is left out.

    None if no word was found.
    """
    known = seconds[~np.isnan(seconds)]
    if not len(known):
        return None
    median, high = np.quantile(known, [0.5, 0.9])
    return {"median": round(1000 * median), "p90": round(1000 * high), "words": len(known)}


def _rounded(interval: tuple[float, float]) -> list[float]:
    return [round(end, 5) for end in interval]

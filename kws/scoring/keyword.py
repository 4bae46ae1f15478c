"""One keyword: recordings of it against hours of anything else."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np

from kws import audio
from kws.errors import KwsError
from kws.scoring import rates
from kws.scoring.conditions import Condition
from kws.scoring.counting import Looks, count
from kws.scoring.hearing import Heard, hear_all, splice
from kws.scoring.listeners import Listener, open_listener
from kws.scoring.rates import Point, at_rate
from kws.scoring.tapes import Words, background_tapes

# A posterior below this is no evidence; curves end there.
LEAST = 0.01
# Curves end at so many false alarms per hour, and not before as many were counted.
MOST_PER_HOUR = 20
# Latency is told at this rate of false alarms per hour.
LATENCY_RATE = 0.5


@dataclass(frozen=True)
class Hearing:
    """What a listener made of everything: the recordings of the keyword in each condition, by
    the condition's name, and the background."""

    listener: Listener
    keyword: str
    positives: dict[str, Heard]
    background: Heard


def hear_keyword(
    name: str,
    keyword: str,
    positives: Path,
    background: Sequence[Path],
    conditions: Sequence[Condition],
    processes: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Hearing:
    """Stream the keyword's recordings in each condition, and the background as it is.

    positives, background: folders of audio in any format, nested or not. Raises KwsError if the
    model has no such keyword, or a folder is missing or holds nothing.
    """
    listener = open_listener(name)
    if keyword not in listener.keywords:
        known = ", ".join(listener.keywords)
        raise KwsError(f"{name} does not know the keyword {keyword!r}; it knows {known}", 2)
    paths = audio.find(positives)
    if not paths:
        raise KwsError(f"{positives}: holds no recordings of {keyword!r}", 2)
    batches = [paths[k : k + 50] for k in range(0, len(paths), 50)]
    tapes = [Words(batch, keyword, condition) for condition in conditions for batch in batches]
    heard = hear_all(name, [*tapes, *background_tapes(background)], processes, progress)
    by_condition = {
        condition.name: splice(heard[k * len(batches) : (k + 1) * len(batches)])
        for k, condition in enumerate(conditions)
    }
    return Hearing(listener, keyword, by_condition, splice(heard[len(tapes) :]))


def score_keyword(hearing: Hearing, smoothing_ms: float | None = None) -> dict:
    """Misses against false alarms per hour over all thresholds, in each condition.

    A positive counts once, however often it is reported; every detection in the background is a
    false alarm. The background is heard as it was recorded, so that a threshold and its false
    alarms are the same in all conditions. Returns what ``kws.scoring.rates.summary`` does for
    the first condition, and ``conditions``, ``latency_ms`` (from the end of the word to the
    report, at the threshold of 0.5 false alarms per hour), ``false_alarms`` (at the threshold
    of one per hour) and the model.
    """
    listener, background = hearing.listener, hearing.background
    results, first_points = {}, None
    for name, heard in hearing.positives.items():
        points = _curve(hearing, name, smoothing_ms)
        first_points = first_points or points
        result = rates.summary(points, len(heard.places), background.hours)
        found = _found(hearing, name, at_rate(points, LATENCY_RATE, background.hours), smoothing_ms)
        ends = np.array([place.word_end for place in heard.places])
        results[name] = {**result, "latency_ms": rates.spread(found - ends)}
    threshold = at_rate(first_points, 1.0, background.hours).threshold
    false = Looks(listener, background, hearing.keyword, smoothing_ms).detections(threshold)
    first, *_ = results.values()
    streams = [background, *hearing.positives.values()]
    return {
        **first,
        "keyword": hearing.keyword,
        "model": describe(listener, streams, smoothing_ms),
        "conditions": results,
        "false_alarms": [told(detection, background) for detection in false],
        "background": _folders(background),
    }


def fit_keyword(
    hearing: Hearing, rate: float, choices_ms: Sequence[float] = (0, 60, 100, 150, 200, 300, 400)
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
    if missed == sum(len(heard.places) for heard in hearing.positives.values()):
        raise KwsError(f"no threshold hears {hearing.keyword!r} at {rate:g} false alarms per hour")
    listener = hearing.listener
    return {
        "smoothing_ms": smoothing_ms,
        "refractory_ms": listener.refractory_ms,
        # Rounded up: down would let the next false alarm in.
        "thresholds": {**listener.thresholds, hearing.keyword: ceil(threshold * 1e7) / 1e7},
    }


def describe(listener: Listener, streams: Sequence[Heard], smoothing_ms: float | None) -> dict:
    """The model as results files name it, with what it cost here."""
    seconds = sum(heard.seconds for heard in streams)
    cpu = sum(heard.cpu_seconds for heard in streams)
    return {
        "name": listener.name,
        "file": listener.file,
        "file_bytes": listener.file_bytes,
        "smoothing_ms": listener.smoothing_ms if smoothing_ms is None else smoothing_ms,
        "refractory_ms": listener.refractory_ms,
        "reports_at": listener.reports,
        "cpu_s_per_audio_s": round(cpu / seconds, 6),
    }


def sweep(
    peaks: np.ndarray, costs: Callable[[float], tuple[int, int]], positives: int, hours: float
) -> list[Point]:
    """The whole curve: a point for each threshold at which false alarms become more.

    peaks: scores in the background, falling. costs: misses and false alarms at a threshold.
    Between two peaks the lowest threshold misses fewest, so the points are just above each.
    """
    points = [Point(1.01, positives, 0)]
    for threshold in [*np.nextafter(peaks, np.float32(2)).tolist(), LEAST]:
        point = Point(threshold, *costs(threshold))
        points.append(point)
        if point.false_alarms > MOST_PER_HOUR * max(hours, 1):
            break
    return points


def _curve(hearing: Hearing, condition: str, smoothing_ms: float | None) -> list[Point]:
    listener, keyword, background = hearing.listener, hearing.keyword, hearing.background
    positives = hearing.positives[condition]
    spoken = Looks(listener, positives, keyword, smoothing_ms)
    other = Looks(listener, background, keyword, smoothing_ms)

    def costs(threshold: float) -> tuple[int, int]:
        found, _ = count(spoken.detections(threshold), positives.places, keyword)
        return int(np.isnan(found).sum()), len(other.detections(threshold))

    return sweep(other.peaks(LEAST), costs, len(positives.places), background.hours)


def _found(hearing: Hearing, condition: str, point: Point, smoothing_ms) -> np.ndarray:
    """When each positive was reported at this point, NaN where it was missed (positives,)."""
    heard = hearing.positives[condition]
    looks = Looks(hearing.listener, heard, hearing.keyword, smoothing_ms)
    return count(looks.detections(point.threshold), heard.places, hearing.keyword)[0]


def told(detection, heard: Heard) -> dict:
    """A detection by the file it was in."""
    place = max((p for p in heard.places if p.start <= detection.time), key=lambda p: p.start)
    return {
        "file": f"{place.path.parent.name}/{place.path.name}",
        "seconds": round(detection.time - place.start, 2),
        "score": round(detection.score, 4),
    }


def _folders(heard: Heard) -> list[dict]:
    """Hours and recordings of each folder in the background."""
    folders: dict[str, list[float]] = {}
    for place in heard.places:
        folders.setdefault(place.path.parent.name, []).append(place.end - place.start)
    return [
        {"folder": name, "recordings": len(lengths), "hours": round(sum(lengths) / 3600, 4)}
        for name, lengths in folders.items()
    ]

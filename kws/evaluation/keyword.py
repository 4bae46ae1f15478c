"""One keyword: recordings of it against hours of anything else."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws import audio
from kws.evaluation import rates
from kws.evaluation.conditions import Condition
from kws.evaluation.decisions import SmoothedPosteriors, match
from kws.evaluation.posteriors import Posteriors, all_posteriors, concatenate
from kws.evaluation.rates import LEAST, Point, at_rate, sweep
from kws.evaluation.streams import KeywordStream, background_streams
from kws.evaluation.systems import System, open_system
from kws.utils.console import note
from kws.utils.errors import KwsError

# Latency is told at this rate of false alarms per hour.
LATENCY_RATE = 0.5


@dataclass(frozen=True)
class KeywordPosteriors:
    """What a system made of everything: the recordings of the keyword in each condition, by
    the condition's name, and the background."""

    system: System
    keyword: str
    positives: dict[str, Posteriors]
    background: Posteriors


def keyword_posteriors(
    name: str,
    keyword: str,
    positives: Path,
    background: Sequence[Path],
    conditions: Sequence[Condition],
    processes: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> KeywordPosteriors:
    """Stream the keyword's recordings in each condition, and the background as it is.

    positives, background: folders of audio in any format, nested or not. Raises KwsError if the
    model has no such keyword, or a folder is missing or holds nothing.
    """
    system = open_system(name)
    if keyword not in system.keywords:
        known = ", ".join(system.keywords)
        raise KwsError(f"{name} does not know the keyword {keyword!r}; it knows {known}", 2)
    recordings = audio.survey(positives)
    paths = recordings.paths
    if not paths:
        raise KwsError(f"{positives}: holds no recordings of {keyword!r}", 2)
    batches = [paths[k : k + 50] for k in range(0, len(paths), 50)]
    tapes = [
        KeywordStream(batch, keyword, condition) for condition in conditions for batch in batches
    ]
    surveys = [audio.survey(folder) for folder in background]
    heard = all_posteriors(name, [*tapes, *background_streams(surveys)], processes, progress)
    noises = {condition.noise for condition in conditions if condition.noise}
    for survey in (recordings, *surveys, *(noise.survey for noise in noises)):
        if survey:  # noise that was made was not read
            note(survey.summary())
    by_condition = {
        condition.name: concatenate(heard[k * len(batches) : (k + 1) * len(batches)])
        for k, condition in enumerate(conditions)
    }
    return KeywordPosteriors(system, keyword, by_condition, concatenate(heard[len(tapes) :]))


def score_keyword(hearing: KeywordPosteriors, smoothing_ms: float | None = None) -> dict:
    """Misses against false alarms per hour over all thresholds, in each condition.

    A positive counts once, however often it is reported; every detection in the background is a
    false alarm. The background is heard as it was recorded, so that a threshold and its false
    alarms are the same in all conditions. Returns what ``kws.scoring.rates.summary`` does for
    the first condition, and ``conditions``, ``latency_ms`` (from the end of the word to the
    report, at the threshold of 0.5 false alarms per hour), ``false_alarms`` (at the threshold
    of one per hour) and the model.
    """
    system, background = hearing.system, hearing.background
    results, first_points = {}, None
    for name, heard in hearing.positives.items():
        points = _curve(hearing, name, smoothing_ms)
        first_points = first_points or points
        result = rates.summary(points, len(heard.segments), background.hours)
        found = _found(hearing, name, at_rate(points, LATENCY_RATE, background.hours), smoothing_ms)
        ends = np.array([segment.word_end for segment in heard.segments])
        results[name] = {**result, "latency_ms": rates.latency_summary(found - ends)}
    threshold = at_rate(first_points, 1.0, background.hours).threshold
    false = SmoothedPosteriors(system, background, hearing.keyword, smoothing_ms).detections(
        threshold
    )
    first, *_ = results.values()
    streams = [background, *hearing.positives.values()]
    return {
        **first,
        "keyword": hearing.keyword,
        "model": describe_system(system, streams, smoothing_ms),
        "conditions": results,
        "false_alarms": [locate(detection, background) for detection in false],
        "background": _folders(background),
    }


def describe_system(
    system: System, streams: Sequence[Posteriors], smoothing_ms: float | None
) -> dict:
    """The model as results files name it, with what it cost here."""
    seconds = sum(heard.seconds for heard in streams)
    cpu = sum(heard.cpu_seconds for heard in streams)
    return {
        "name": system.name,
        "file": system.file,
        "file_bytes": system.file_bytes,
        "smoothing_ms": system.smoothing_ms if smoothing_ms is None else smoothing_ms,
        "refractory_ms": system.refractory_ms,
        "reports_at": system.reports,
        "cpu_s_per_audio_s": round(cpu / seconds, 6),
    }


def _curve(hearing: KeywordPosteriors, condition: str, smoothing_ms: float | None) -> list[Point]:
    system, keyword, background = hearing.system, hearing.keyword, hearing.background
    positives = hearing.positives[condition]
    spoken = SmoothedPosteriors(system, positives, keyword, smoothing_ms)
    other = SmoothedPosteriors(system, background, keyword, smoothing_ms)

    def costs(threshold: float) -> tuple[int, int]:
        found, _ = match(spoken.detections(threshold), positives.segments, keyword)
        return int(np.isnan(found).sum()), len(other.detections(threshold))

    return sweep(other.peaks(LEAST), costs, len(positives.segments), background.hours)


def _found(hearing: KeywordPosteriors, condition: str, point: Point, smoothing_ms) -> np.ndarray:
    """When each positive was reported at this point, NaN where it was missed (positives,)."""
    heard = hearing.positives[condition]
    looks = SmoothedPosteriors(hearing.system, heard, hearing.keyword, smoothing_ms)
    return match(looks.detections(point.threshold), heard.segments, hearing.keyword)[0]


def locate(detection, heard: Posteriors) -> dict:
    """A detection by the file it was in."""
    segment = max((p for p in heard.segments if p.start <= detection.time), key=lambda p: p.start)
    return {
        "file": f"{segment.path.parent.name}/{segment.path.name}",
        "seconds": round(detection.time - segment.start, 2),
        "score": round(detection.score, 4),
    }


def _folders(heard: Posteriors) -> list[dict]:
    """Hours and recordings of each folder in the background."""
    folders: dict[str, list[float]] = {}
    for segment in heard.segments:
        folders.setdefault(segment.path.parent.name, []).append(segment.end - segment.start)
    return [
        {"folder": name, "recordings": len(lengths), "hours": round(sum(lengths) / 3600, 4)}
        for name, lengths in folders.items()
    ]

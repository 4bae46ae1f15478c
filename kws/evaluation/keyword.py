"""One keyword: recordings of it against hours of anything else."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws import audio
from kws.evaluation import rates
from kws.evaluation.conditions import Condition
from kws.evaluation.decisions import KeywordScores, Trigger, match
from kws.evaluation.posteriors import Posteriors, all_posteriors, concatenate
from kws.evaluation.rates import MIN_SCORE, Point, at_rate, sweep
from kws.evaluation.streams import KeywordStream, background_streams
from kws.evaluation.systems import System, open_system
from kws.utils.console import note
from kws.utils.errors import KwsError

# The false alarms per hour at whose threshold latency is measured.
LATENCY_RATE = 0.5
_RECORDINGS = 50  # in a stream


@dataclass(frozen=True)
class KeywordPosteriors:
    """A system's posteriors to score one keyword on.

    positives: of the keyword's recordings, by the name of the condition. background: of recordings
    without the keyword.
    """

    system: System
    keyword: str
    positives: dict[str, Posteriors]
    background: Posteriors

    def scores(self, posteriors: Posteriors, smoothing_ms: float | None) -> KeywordScores:
        """The smoothed posteriors of the keyword in one of them."""
        return KeywordScores(self.system, posteriors, self.keyword, smoothing_ms)

    def curve(self, condition: str, smoothing_ms: float | None) -> list[Point]:
        """Misses and false alarms at every threshold that changes the false alarms."""
        positives = self.positives[condition]
        spoken = self.scores(positives, smoothing_ms)
        other = self.scores(self.background, smoothing_ms)

        def costs(threshold: float) -> tuple[int, int]:
            found, _ = match(spoken.triggers(threshold), positives.segments, self.keyword)
            return int(np.isnan(found).sum()), len(other.triggers(threshold))

        count = len(positives.segments)
        return sweep(other.peak_scores(MIN_SCORE), costs, count, self.background.hours)


def keyword_posteriors(
    name: str,
    keyword: str,
    positives: Path,
    background: Sequence[Path],
    conditions: Sequence[Condition],
    processes: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> KeywordPosteriors:
    """Stream the keyword's recordings in each condition, and the background as it was recorded.

    name: as for ``open_system``. positives, background: folders of audio in any format, nested or
    not. processes: one a core by default. Raises KwsError if the model has no such keyword, or a
    folder is missing or holds no recordings.
    """
    system = open_system(name)
    if keyword not in system.keywords:
        known = ", ".join(system.keywords)
        raise KwsError(f"{name} does not know the keyword {keyword!r}; it knows {known}", 2)
    recordings = audio.survey(positives)
    paths = recordings.paths
    if not paths:
        raise KwsError(f"{positives}: holds no recordings of {keyword!r}", 2)
    batches = [paths[k : k + _RECORDINGS] for k in range(0, len(paths), _RECORDINGS)]
    spoken = [
        KeywordStream(batch, keyword, condition) for condition in conditions for batch in batches
    ]
    surveys = [audio.survey(folder) for folder in background]
    parts = all_posteriors(name, [*spoken, *background_streams(surveys)], processes, progress)
    noises = {condition.noise for condition in conditions if condition.noise}
    for survey in (recordings, *surveys, *(noise.survey for noise in noises)):
        if survey:  # synthetic noise was not read
            note(survey.summary())
    by_condition = {
        condition.name: concatenate(parts[k * len(batches) : (k + 1) * len(batches)])
        for k, condition in enumerate(conditions)
    }
    return KeywordPosteriors(system, keyword, by_condition, concatenate(parts[len(spoken) :]))


def score_keyword(posteriors: KeywordPosteriors, smoothing_ms: float | None = None) -> dict:
    """Misses against false alarms per hour over all thresholds, in each condition.

    A recording counts once, however often it is reported. Every report in the background is a
    false alarm. The background is scored as it was recorded, so that a threshold and its false
    alarms are the same in all conditions. Returns what ``kws.evaluation.rates.summary`` does for
    the first condition, and ``conditions``, ``latency_ms`` (from the end of the word to the
    report, at the threshold of 0.5 false alarms per hour), ``false_alarms`` (at the threshold of
    one per hour) and the model.
    """
    background = posteriors.background
    results, first_curve = {}, None
    for name, positives in posteriors.positives.items():
        points = posteriors.curve(name, smoothing_ms)
        first_curve = first_curve or points
        threshold = at_rate(points, LATENCY_RATE, background.hours).threshold
        triggers = posteriors.scores(positives, smoothing_ms).triggers(threshold)
        found, _ = match(triggers, positives.segments, posteriors.keyword)
        ends = np.array([segment.word_end for segment in positives.segments])
        results[name] = {
            **rates.summary(points, len(positives.segments), background.hours),
            "latency_ms": rates.latency_summary(found - ends),
        }
    threshold = at_rate(first_curve, 1.0, background.hours).threshold
    false = posteriors.scores(background, smoothing_ms).triggers(threshold)
    first, *_ = results.values()
    streams = [background, *posteriors.positives.values()]
    return {
        **first,
        "keyword": posteriors.keyword,
        "model": describe_system(posteriors.system, streams, smoothing_ms),
        "conditions": results,
        "false_alarms": [locate(trigger, background) for trigger in false],
        "background": _folders(background),
    }


def describe_system(
    system: System, streams: Sequence[Posteriors], smoothing_ms: float | None
) -> dict:
    """The model for a results file, with its CPU time a second of audio on this machine."""
    seconds = sum(stream.seconds for stream in streams)
    cpu = sum(stream.cpu_seconds for stream in streams)
    return {
        "name": system.name,
        "file": system.file,
        "file_bytes": system.file_bytes,
        "smoothing_ms": system.smoothing_ms if smoothing_ms is None else smoothing_ms,
        "refractory_ms": system.refractory_ms,
        "reports_at": system.reports,
        "cpu_s_per_audio_s": round(cpu / seconds, 6),
    }


def locate(trigger: Trigger, posteriors: Posteriors) -> dict:
    """For a results file: the recording that a report was in, and where in it."""
    before = [segment for segment in posteriors.segments if segment.start <= trigger.time]
    segment = max(before, key=lambda segment: segment.start)
    return {
        "file": f"{segment.path.parent.name}/{segment.path.name}",
        "seconds": round(trigger.time - segment.start, 2),
        "score": round(trigger.score, 4),
    }


def _folders(background: Posteriors) -> list[dict]:
    """Recordings and hours of each folder in the background."""
    folders: dict[str, list[float]] = {}
    for segment in background.segments:
        folders.setdefault(segment.path.parent.name, []).append(segment.end - segment.start)
    return [
        {"folder": name, "recordings": len(lengths), "hours": round(sum(lengths) / 3600, 4)}
        for name, lengths in folders.items()
    ]

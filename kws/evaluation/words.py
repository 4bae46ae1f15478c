"""Scores every keyword of a model on streams of spoken words with pauses."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from kws import audio
from kws.datasets import clips
from kws.datasets.noise import Noise
from kws.evaluation import rates
from kws.evaluation.decisions import KeywordScores, match
from kws.evaluation.keyword import LATENCY_RATE, describe_system, locate
from kws.evaluation.posteriors import Posteriors, all_posteriors, concatenate
from kws.evaluation.rates import MIN_SCORE, at_rate, sweep
from kws.evaluation.streams import SNR_DB, JoinedStream, background_streams
from kws.evaluation.systems import System, open_system
from kws.utils.console import note
from kws.utils.errors import KwsError

_CLIPS = 100  # in a stream


def score_words(
    name: str,
    folder: Path,
    *,
    split: str = "validation",
    background: Sequence[Path] = (),
    noise: Noise | None = None,
    snr_db: float = SNR_DB,
    processes: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict:
    """Misses against false alarms per hour for each keyword of the model.

    name: as for ``open_system``. folder: clips, one sub-folder a word. Those of ``split`` are
    shuffled and joined with pauses of 0.5 to 1.5 seconds in steady noise ``snr_db`` below them
    (noise: synthetic by default). False alarms are reports of a keyword in clips of other words,
    and in the recordings of ``background``, which must contain no keyword; the hours are those of
    both. A stream of words alone is harder than everyday audio. Returns ``words``, a summary with
    ``latency_ms`` and ``false_alarms`` for each keyword, and the means of their
    ``frr_at_fa_per_hour``. Raises KwsError if the clips have none of the model's keywords.
    """
    system = open_system(name)
    chosen = clips.scan(folder).of_splits(split)
    present = {clip.word for clip in chosen}
    keywords = [keyword for keyword in system.keywords if keyword in present]
    if not keywords:
        raise KwsError(f"{folder}: has no {split} clips of what {name} knows", 2)
    shuffled = [chosen[k] for k in np.random.default_rng(0).permutation(len(chosen))]
    noise = noise or Noise()
    streams = [
        JoinedStream(shuffled[at : at + _CLIPS], noise, at, snr_db)
        for at in range(0, len(shuffled), _CLIPS)
    ]
    surveys = [audio.survey(other) for other in background]
    parts = all_posteriors(name, [*streams, *background_streams(surveys)], processes, progress)
    for read in (chosen, *surveys, noise.survey):
        if read:  # synthetic noise was not read
            note(read.summary())
    spoken, other = parts[: len(streams)], parts[len(streams) :]
    hours = sum(part.seconds for part in spoken) / 3600 + sum(part.hours for part in other)
    posteriors = concatenate(parts)
    words = {keyword: _score(system, posteriors, keyword, hours) for keyword in keywords}
    shares = [word["frr_at_fa_per_hour"] for word in words.values()]
    return {
        "words": words,
        "frr_at_fa_per_hour": {
            rate: round(float(np.mean([share[rate] for share in shares])), 5) for rate in shares[0]
        },
        "clips": len(chosen),
        "split": split,
        "hours": round(hours, 4),
        "model": describe_system(system, [posteriors], None),
    }


def _score(system: System, posteriors: Posteriors, keyword: str, hours: float) -> dict:
    scores = KeywordScores(system, posteriors, keyword)

    def reports(threshold: float):
        return match(scores.triggers(threshold), posteriors.segments, keyword)

    def costs(threshold: float) -> tuple[int, int]:
        found, false = reports(threshold)
        return int(np.isnan(found).sum()), len(false)

    own = [segment for segment in posteriors.segments if segment.word == keyword]
    points = sweep(scores.peak_scores(MIN_SCORE), costs, len(own), hours)
    found, _ = reports(at_rate(points, LATENCY_RATE, hours).threshold)
    _, false = reports(at_rate(points, 1.0, hours).threshold)
    ends = np.array([segment.word_end for segment in own])
    return {
        **rates.summary(points, len(own), hours),
        "latency_ms": rates.latency_summary(found - ends),
        "false_alarms": [locate(trigger, posteriors) for trigger in false],
    }

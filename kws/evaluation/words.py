"""Every keyword of a model on a stream of spoken words with pauses."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from kws import audio
from kws.datasets import clips
from kws.datasets.noise import Noise
from kws.evaluation import rates
from kws.evaluation.decisions import SmoothedPosteriors, match
from kws.evaluation.keyword import LATENCY_RATE, describe_system, locate
from kws.evaluation.posteriors import Posteriors, all_posteriors, concatenate
from kws.evaluation.rates import LEAST, at_rate, sweep
from kws.evaluation.streams import JoinedStream, background_streams
from kws.evaluation.systems import System, open_system
from kws.utils.console import note
from kws.utils.errors import KwsError

CLIPS_A_TAPE = 100


def score_words(
    name: str,
    folder: Path,
    split: str = "validation",
    background: Sequence[Path] = (),
    noise: Path | None = None,
    processes: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict:
    """Misses against false alarms per hour for each keyword of the model.

    folder: clips, one sub-folder a word; those of ``split`` are shuffled and joined with pauses
    of 0.5 to 1.5 seconds over steady noise 20 dB below them. For each keyword the clips of all
    other words are what it must not answer to, and the recordings in the folders of
    ``background``, which must hold none of the keywords; the hours are those of both. A stream
    of nothing but words is harder than a day of anything. Returns ``words``, a summary with
    ``latency_ms`` and ``false_alarms`` for each, and the means of their ``frr_at_fa_per_hour``.
    Raises KwsError if the model's keywords are not among the clips.
    """
    system = open_system(name)
    chosen = clips.scan(folder).of_splits(split)
    spoken = {clip.word for clip in chosen}
    keywords = [keyword for keyword in system.keywords if keyword in spoken]
    if not keywords:
        raise KwsError(f"{folder}: has no {split} clips of what {name} knows", 2)
    shuffled = [chosen[k] for k in np.random.default_rng(0).permutation(len(chosen))]
    bank = Noise(noise)
    tapes = [
        JoinedStream(shuffled[at : at + CLIPS_A_TAPE], bank, seed=at)
        for at in range(0, len(shuffled), CLIPS_A_TAPE)
    ]
    surveys = [audio.survey(other) for other in background]
    parts = all_posteriors(name, [*tapes, *background_streams(surveys)], processes, progress)
    for read in (chosen, *surveys, bank.survey):
        if read:  # noise that was made was not read
            note(read.summary())
    spoken, other = parts[: len(tapes)], parts[len(tapes) :]
    hours = sum(part.seconds for part in spoken) / 3600 + sum(part.hours for part in other)
    heard = concatenate(parts)
    words = {keyword: _score(system, heard, keyword, hours) for keyword in keywords}
    return {
        "words": words,
        "frr_at_fa_per_hour": {
            f"{rate:g}": round(
                float(np.mean([w["frr_at_fa_per_hour"][f"{rate:g}"] for w in words.values()])), 5
            )
            for rate in rates.RATES
        },
        "clips": len(chosen),
        "split": split,
        "hours": round(hours, 4),
        "model": describe_system(system, [heard], None),
    }


def _score(system: System, heard: Posteriors, keyword: str, hours: float) -> dict:
    looks = SmoothedPosteriors(system, heard, keyword)

    def costs(threshold: float) -> tuple[int, int]:
        found, false = match(looks.detections(threshold), heard.segments, keyword)
        return int(np.isnan(found).sum()), len(false)

    own = [segment for segment in heard.segments if segment.word == keyword]
    points = sweep(looks.peaks(LEAST), costs, len(own), hours)
    threshold = at_rate(points, LATENCY_RATE, hours).threshold
    found, _ = match(looks.detections(threshold), heard.segments, keyword)
    _, false = match(
        looks.detections(at_rate(points, 1.0, hours).threshold), heard.segments, keyword
    )
    return {
        **rates.summary(points, len(own), hours),
        "latency_ms": rates.latency_summary(
            found - np.array([segment.word_end for segment in own])
        ),
        "false_alarms": [locate(detection, heard) for detection in false],
    }

"""Every keyword of a model on a stream of spoken words with pauses."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from kws.corpus import clips
from kws.corpus.noise import Noise
from kws.errors import KwsError
from kws.scoring import rates
from kws.scoring.counting import Looks, count
from kws.scoring.hearing import Heard, hear_all, splice
from kws.scoring.keyword import LATENCY_RATE, LEAST, describe, sweep, told
from kws.scoring.listeners import Listener, open_listener
from kws.scoring.rates import at_rate
from kws.scoring.tapes import Joined, background_tapes

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
    listener = open_listener(name)
    chosen = [clip for clip in clips.scan(folder) if clip.split == split]
    spoken = {clip.word for clip in chosen}
    keywords = [keyword for keyword in listener.keywords if keyword in spoken]
    if not keywords:
        raise KwsError(f"{folder}: has no {split} clips of what {name} knows", 2)
    shuffled = [chosen[k] for k in np.random.default_rng(0).permutation(len(chosen))]
    bank = Noise(noise)
    tapes = [
        Joined(shuffled[at : at + CLIPS_A_TAPE], bank, seed=at)
        for at in range(0, len(shuffled), CLIPS_A_TAPE)
    ]
    parts = hear_all(name, [*tapes, *background_tapes(background)], processes, progress)
    spoken, other = parts[: len(tapes)], parts[len(tapes) :]
    hours = sum(part.seconds for part in spoken) / 3600 + sum(part.hours for part in other)
    heard = splice(parts)
    words = {keyword: _score(listener, heard, keyword, hours) for keyword in keywords}
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
        "model": describe(listener, [heard], None),
    }


def _score(listener: Listener, heard: Heard, keyword: str, hours: float) -> dict:
    looks = Looks(listener, heard, keyword)

    def costs(threshold: float) -> tuple[int, int]:
        found, false = count(looks.detections(threshold), heard.places, keyword)
        return int(np.isnan(found).sum()), len(false)

    own = [place for place in heard.places if place.word == keyword]
    points = sweep(looks.peaks(LEAST), costs, len(own), hours)
    threshold = at_rate(points, LATENCY_RATE, hours).threshold
    found, _ = count(looks.detections(threshold), heard.places, keyword)
    _, false = count(looks.detections(at_rate(points, 1.0, hours).threshold), heard.places, keyword)
    return {
        **rates.summary(points, len(own), hours),
        "latency_ms": rates.spread(found - np.array([place.word_end for place in own])),
        "false_alarms": [told(detection, heard) for detection in false],
    }

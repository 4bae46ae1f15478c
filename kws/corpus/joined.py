"""A long recording made of clips, with pauses and noise, and where each word is in it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kws import audio
from kws.corpus.clips import Clip
from kws.corpus.noise import Noise, loudness


@dataclass(frozen=True)
class Placed:
    """A word and the seconds at which its clip begins and ends."""

    word: str
    start: float
    end: float


def join(
    clips: Sequence[Clip],
    noise: Noise,
    rng: np.random.Generator,
    pause: tuple[float, float] = (0.5, 1.5),
    snr_db: float = 20.0,
) -> tuple[np.ndarray, list[Placed]]:
    """Clips one after the other over steady noise: float32 (samples,), and their places.

    pause: shortest and longest silence between clips, in seconds. snr_db: of the clips' median
    loudness to the noise.
    """
    pieces, places, at = [], [], 0
    voices = [audio.read(clip.path) for clip in clips]
    for clip, voice in zip(clips, voices, strict=True):
        gap = int(rng.uniform(*pause) * audio.RATE)
        pieces += [np.zeros(gap, np.float32), voice]
        start = at + gap
        at = start + len(voice)
        places.append(Placed(clip.word, start / audio.RATE, at / audio.RATE))
    pieces.append(np.zeros(int(pause[1] * audio.RATE), np.float32))
    speech = np.concatenate(pieces)
    level = np.median([float(loudness(voice[None])[0, 0]) for voice in voices])
    background = noise.draw(rng, 1, len(speech))[0] * level / 10 ** (snr_db / 20)
    return np.clip(speech + background, -1, 1).astype(np.float32), places


def matches(places: Sequence[Placed], detections: Sequence, words: Sequence[str]) -> dict:
    """What a detector made of a joined recording.

    A word counts as found if it was detected while its clip lasted, give or take a quarter of a
    second. Returns counts ``words``, ``found``, and ``false``: detections of no word there.
    """
    wanted = [place for place in places if place.word in words]
    hits = [
        any(
            d.keyword == place.word and place.start - 0.25 <= d.time <= place.end + 0.25
            for d in detections
        )
        for place in wanted
    ]
    right = sum(
        any(
            d.keyword == place.word and place.start - 0.25 <= d.time <= place.end + 0.25
            for place in wanted
        )
        for d in detections
    )
    return {"words": len(wanted), "found": sum(hits), "false": len(detections) - right}

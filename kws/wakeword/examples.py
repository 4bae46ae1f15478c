"""Training examples of a keyword in a stream: features of scenes, and what is in them.

Scenes are made once and kept as features, since a room and a noise cost more than a step of
training; masks and the order differ from epoch to epoch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kws.frontend.log_mel import FrontEnd
from kws.frontend.native import NativeFeatureStream
from kws.training import encoder
from kws.training.speech_embedding import SpeechEmbedding
from kws.wakeword.scenes import Scenes

KEYWORD, OTHER, SILENCE = 0, 1, 2
_AT_ONCE = 256


@dataclass(frozen=True)
class SpokenWords:
    """Spoken words without silence around them, float32 (samples,) each.

    keyword: the phrase, by many voices. near: what sounds like it, by voices of the same kind, so
    that a synthetic voice is no sign of the keyword.
    """

    keyword: Sequence[np.ndarray]
    near: Sequence[np.ndarray]


@dataclass(frozen=True)
class Examples:
    """Features float16 (examples, frames, bands); kinds int8 (examples,): KEYWORD, OTHER or
    SILENCE, in the order of a model's outputs; embeddings float16 (examples, steps, 96), what
    Google's speech embedding makes of the same sounds."""

    features: np.ndarray
    kinds: np.ndarray
    embeddings: np.ndarray


def examples_of(
    sounds: np.ndarray, kinds: np.ndarray, frontend: FrontEnd, embedding: SpeechEmbedding
) -> Examples:
    """Examples of sounds float32 (examples, samples)."""
    features = np.stack([NativeFeatureStream(frontend).feed(sound) for sound in sounds])
    return Examples(features.astype(np.float16), kinds, embedding(sounds).astype(np.float16))


def concatenate(parts: Sequence[Examples]) -> Examples:
    return Examples(
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.kinds for part in parts]),
        np.concatenate([part.embeddings for part in parts]),
    )


def draw_examples(
    words: SpokenWords,
    scenes: Scenes,
    frontend: FrontEnd,
    embedding: SpeechEmbedding,
    count: int,
    seed: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Examples:
    """``count`` scenes: a third with the keyword, the rest speech, near misses and noise.

    Near misses are few. More of them, by the same synthetic voices, teach what tells these words
    from the keyword in those voices, and people are missed for it.
    """
    rng = np.random.default_rng(seed)

    def pick(clips: Sequence[np.ndarray]) -> np.ndarray:
        return clips[rng.integers(len(clips))]

    plan = [
        (0.30, KEYWORD, lambda: scenes.with_word(pick(words.keyword), rng)),
        (0.05, OTHER, lambda: scenes.with_part(pick(words.keyword), rng)),
        (0.06, OTHER, lambda: scenes.with_word(pick(words.near), rng)),
        (0.56, OTHER, lambda: scenes.of_speech(rng)),
        (0.03, SILENCE, lambda: scenes.of_noise(rng)),
    ]
    shares = np.cumsum([share for share, _, _ in plan])
    parts = []
    for start in range(0, count, _AT_ONCE):
        length = min(_AT_ONCE, count - start)
        sounds = np.empty((length, scenes.samples), np.float32)
        kinds = np.empty(length, np.int8)
        for k in range(length):
            _, kinds[k], make = plan[np.searchsorted(shares, rng.random() * shares[-1], "right")]
            sounds[k] = make()
        parts.append(examples_of(sounds, kinds, frontend, embedding))
        progress(start + length, count)
    return concatenate(parts)


def embedded(examples: Examples) -> encoder.EmbeddedAudio:
    """The examples' sounds one behind the other, without their kinds."""
    pairs = zip(examples.features, examples.embeddings, strict=True)
    return encoder.concatenate([encoder.embedded(*pair) for pair in pairs])

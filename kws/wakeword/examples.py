"""Training examples of a keyword in a stream: scenes as features and embeddings, with labels.

Scenes are made once and kept as features, since a room and a noise cost more than a step of
training.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kws.frontend.log_mel import FrontEnd
from kws.frontend.native import NativeFeatureStream
from kws.training import embedded_audio
from kws.training.speech_embedding import SpeechEmbedding
from kws.utils.console import Progress
from kws.wakeword.scenes import Scenes

KEYWORD, OTHER, SILENCE = 0, 1, 2  # the labels, in the order of a network's outputs
_AT_ONCE = 256


@dataclass(frozen=True)
class SpokenWords:
    """Spoken words without silence around them, float32 (samples,) each.

    keyword: the phrase, by many voices. confusable: words that sound like it, by the same voices,
    so that a synthetic voice is no sign of the keyword.
    """

    keyword: Sequence[np.ndarray]
    confusable: Sequence[np.ndarray]


@dataclass(frozen=True)
class Examples:
    """Sounds as features and as speech embeddings, with their labels.

    features: float16 (examples, frames, bands). labels: int8 (examples,), KEYWORD, OTHER or
    SILENCE. embeddings: float16 (examples, steps, 96), Google's speech embedding.
    """

    features: np.ndarray
    labels: np.ndarray
    embeddings: np.ndarray


def examples_of(
    sounds: np.ndarray, labels: np.ndarray, frontend: FrontEnd, embedding: SpeechEmbedding
) -> Examples:
    """Examples of sounds float32 (examples, samples) with labels int8 (examples,)."""
    features = np.stack([NativeFeatureStream(frontend).feed(sound) for sound in sounds])
    return Examples(features.astype(np.float16), labels, embedding(sounds).astype(np.float16))


def draw_examples(
    words: SpokenWords,
    scenes: Scenes,
    frontend: FrontEnd,
    embedding: SpeechEmbedding,
    count: int,
    seed: int,
) -> Examples:
    """Examples of ``count`` scenes: 30% with the keyword, the others with other speech or noise.

    Confusable words are few. More of them, by the same synthetic voices, teach how they differ
    from the keyword in those voices, and people are missed for it.
    """
    rng = np.random.default_rng(seed)

    def draw(clips: Sequence[np.ndarray]) -> np.ndarray:
        return clips[rng.integers(len(clips))]

    plan = [
        (0.30, KEYWORD, lambda: scenes.with_word(draw(words.keyword), rng)),
        (0.05, OTHER, lambda: scenes.with_part(draw(words.keyword), rng)),
        (0.06, OTHER, lambda: scenes.with_word(draw(words.confusable), rng)),
        (0.56, OTHER, lambda: scenes.of_speech(rng)),
        (0.03, SILENCE, lambda: scenes.of_noise(rng)),
    ]
    shares = np.cumsum([share for share, _, _ in plan])
    parts = []
    with Progress("scenes") as progress:
        for start in range(0, count, _AT_ONCE):
            length = min(_AT_ONCE, count - start)
            sounds = np.empty((length, scenes.samples), np.float32)
            labels = np.empty(length, np.int8)
            for k in range(length):
                drawn = np.searchsorted(shares, rng.random() * shares[-1], "right")
                _, labels[k], make = plan[drawn]
                sounds[k] = make()
            parts.append(examples_of(sounds, labels, frontend, embedding))
            progress(start + length, count)
    names = ("features", "labels", "embeddings")
    return Examples(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def as_audio(examples: Examples) -> embedded_audio.EmbeddedAudio:
    """The examples' sounds one after another, without their labels."""
    pairs = zip(examples.features, examples.embeddings, strict=True)
    return embedded_audio.concatenate([embedded_audio.embedded(*pair) for pair in pairs])

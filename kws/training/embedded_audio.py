"""Recordings and their speech embeddings, which an encoder learns to predict."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kws import audio
from kws.frontend.log_mel import FrontEnd
from kws.frontend.native import NativeFeatureStream
from kws.recipe import Recipe
from kws.training.speech_embedding import SIZE, STEP, SpeechEmbedding
from kws.utils.console import Progress

_PIECE = 20 * audio.RATE  # the most samples that are embedded at once
_CLIPS = 16_000  # the most clips that are used


@dataclass(frozen=True)
class EmbeddedAudio:
    """Recordings one after another, as features and as speech embeddings.

    features: float16 (8·n, bands). embeddings: float16 (n, 96); embedding k is that of the 76
    frames from frame 8·k on. whole: bool (n,), whether these frames lie in one recording; where
    they do not, there is no embedding.
    """

    features: np.ndarray
    embeddings: np.ndarray
    whole: np.ndarray


def embed_recordings(
    recordings: Sequence[np.ndarray], frontend: FrontEnd, embedding: SpeechEmbedding
) -> EmbeddedAudio:
    """Embed recordings float32 (samples,), each padded with silence to whole seconds."""
    parts = []
    with Progress("recordings embedded") as progress:
        for done, recording in enumerate(recordings, 1):
            for start in range(0, len(recording), _PIECE):
                piece = recording[start : start + _PIECE]
                piece = np.pad(piece, (0, -len(piece) % audio.RATE)).astype(np.float32)
                features = NativeFeatureStream(frontend).feed(piece)
                parts.append(embedded(features, embedding(piece[None])[0]))
            progress(done, len(recordings))
    return concatenate(parts)


def embed_clips(clips: np.ndarray, plan: Recipe, embedding: SpeechEmbedding) -> EmbeddedAudio:
    """Embed at most 16,000 of clips float32 (clips, samples), one after another at random."""
    order = np.random.default_rng(plan.training.seed).permutation(len(clips))[:_CLIPS]
    joined = max(1, _PIECE // plan.samples)
    pieces = [clips[order[at : at + joined]].ravel() for at in range(0, len(order), joined)]
    return embed_recordings(pieces, plan.frontend, embedding)


def embedded(features: np.ndarray, embeddings: np.ndarray) -> EmbeddedAudio:
    """One recording from its features (frames, bands) and its embeddings (steps, 96)."""
    steps = len(features) // STEP
    padded = np.zeros((steps, SIZE), np.float16)
    padded[: len(embeddings)] = embeddings[:steps]
    whole = np.arange(steps) < len(embeddings)
    return EmbeddedAudio(features[: steps * STEP].astype(np.float16), padded, whole)


def concatenate(parts: Sequence[EmbeddedAudio]) -> EmbeddedAudio:
    """Several of them, one after another."""
    return EmbeddedAudio(
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.embeddings for part in parts]),
        np.concatenate([part.whole for part in parts]),
    )

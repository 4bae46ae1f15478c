"""Embedding distillation: a small encoder that gives what Google's speech embedding gives.

The speech embedding was trained on very many people, but it is thirty times too large. A small
network that learns only to predict it, every 80 ms of hours of speech, takes over enough that a
head on it carries over from synthetic voices to people. All steps of a segment are predicted at
once: single windows overlap, and would be computed again and again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from kws import audio
from kws.datasets.features import AugmentedFeatures
from kws.datasets.noise import Noise
from kws.frontend.log_mel import FrontEnd
from kws.frontend.native import NativeFeatureStream
from kws.networks.encoder import (
    FRAMES,
    build_encoder,
    encoder_of,
    fold_normalisation,
    set_encoder,
)
from kws.recipe import Recipe
from kws.training.dataset import Corpus
from kws.training.fit import fit
from kws.training.optimizer import cosine
from kws.training.run_folder import ENCODER, ENCODER_CHECKPOINT, read_network, save_network
from kws.training.speech_embedding import SIZE, STEP, PcaTargets, SpeechEmbedding
from kws.utils.console import EpochLines, Progress

_PIECE = 20 * audio.RATE  # the most samples that are embedded at once
_CLIPS = 16_000  # the most clips that are used
_PCA_EXAMPLES = 8000  # embeddings that the principal components are fitted to
_BATCH = 16
_TARGETS = 25  # embeddings that a segment is trained to predict
_LENGTH = FRAMES + (_TARGETS - 1) * STEP  # frames of a segment
_RATE, _DECAY = 4e-3, 1e-3
_AVERAGED = 20  # the averaged weights span about the last twentieth of the steps
_GAIN_DB = 5.0  # deviation of the gain of a segment
_NOISY = 0.5  # share of the segments with noise
_SNR_DB = (0.0, 30.0)


@dataclass(frozen=True)
class EmbeddedAudio:
    """Recordings one after another, as features and as speech embeddings.

    features float16 (8·n, bands). embeddings float16 (n, 96): embedding k is that of the 76 frames
    from frame 8·k on. whole bool (n,): whether these frames lie in one recording; where they do
    not there is no embedding.
    """

    features: np.ndarray
    embeddings: np.ndarray
    whole: np.ndarray


def embed_recordings(
    recordings: Sequence[np.ndarray],
    frontend: FrontEnd,
    embedding: SpeechEmbedding,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> EmbeddedAudio:
    """Embed recordings float32 (samples,), each padded with silence to whole seconds."""
    parts = []
    for k, recording in enumerate(recordings):
        for start in range(0, len(recording), _PIECE):
            piece = recording[start : start + _PIECE]
            piece = np.pad(piece, (0, -len(piece) % audio.RATE)).astype(np.float32)
            features = NativeFeatureStream(frontend).feed(piece)
            parts.append(embedded(features, embedding(piece[None])[0]))
        progress(k + 1, len(recordings))
    return concatenate(parts)


def embed_clips(
    clips: np.ndarray,
    plan: Recipe,
    embedding: SpeechEmbedding,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> EmbeddedAudio:
    """Embed clips float32 (clips, samples), one after another in random order."""
    order = np.random.default_rng(plan.training.seed).permutation(len(clips))[:_CLIPS]
    joined = max(1, _PIECE // plan.samples)
    pieces = [clips[order[at : at + joined]].ravel() for at in range(0, len(order), joined)]
    return embed_recordings(pieces, plan.frontend, embedding, progress)


def embedded(features: np.ndarray, embeddings: np.ndarray) -> EmbeddedAudio:
    """One recording's features (frames, bands) and embeddings (steps, 96), brought together."""
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


def train_encoder(
    plan: Recipe,
    material: EmbeddedAudio,
    noise: Noise,
    folder: Path,
    done: Callable[[int, float], None] = lambda *_: None,
) -> keras.Model:
    """Train an encoder on segments: (batch, frames, bands) -> (batch, 1, steps, channels).

    Its layers are named as those of the encoder in ``plan``'s network. Half of the segments have
    noise; the targets are the embeddings of the same sound without it. The learning rate warms up
    and then falls to zero along a cosine, in ``plan.training.encoder_epochs`` epochs. The averaged
    weights are kept as ENCODER in ``folder``. A training that was stopped goes on after its last
    whole epoch. done: called after every epoch with its number and loss.
    """
    segments = _Segments(material, noise, plan)
    checkpoint = folder / ENCODER_CHECKPOINT
    kept = checkpoint.exists()
    model = read_network(checkpoint) if kept else _compiled(plan, len(segments))
    epoch = int(model.optimizer.iterations) // len(segments)
    segments.start(epoch)

    def keep(epoch, logs):
        save_network(model, checkpoint)
        done(epoch + 1, logs["loss"])

    fit(
        model,
        segments,
        initial_epoch=epoch,
        epochs=plan.training.encoder_epochs,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=keep)],
    )
    model.optimizer.finalize_variable_values(model.trainable_variables)
    encoder = keras.Model(model.input, model.get_layer("embedding").input)
    save_network(encoder, folder / ENCODER)
    checkpoint.unlink(missing_ok=True)
    return encoder


def encode(encoder: keras.Model, features: np.ndarray) -> np.ndarray:
    """The encoder's outputs float16 (n, channels) for features (8·n, bands).

    The last ones need frames beyond the end; there the last frame is repeated.
    """
    steps = len(features) // STEP
    pieces = -(-steps // _TARGETS)
    missing = pieces * _TARGETS * STEP + _LENGTH - len(features)
    features = np.pad(features, ((0, missing), (0, 0)), mode="edge")
    encoded = []
    for first in range(0, pieces, 64):
        starts = np.arange(first, min(first + 64, pieces)) * _TARGETS * STEP
        batch = np.stack([features[at : at + _LENGTH] for at in starts]).astype(np.float32)
        encoded.append(encoder.predict_on_batch(batch).reshape(-1, encoder.output_shape[-1]))
    return np.concatenate(encoded)[:steps].astype(np.float16)


def mean_and_scale(encoded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and scale (channels,) of an encoder's outputs (..., channels).

    The scale is the deviation, but at least a tenth of the channels' mean deviation, so that a
    channel that hardly varies is not amplified.
    """
    encoded = encoded.reshape(-1, encoded.shape[-1]).astype(np.float32)
    deviation = encoded.std(axis=0)
    return encoded.mean(axis=0), np.maximum(deviation, 0.1 * deviation.mean() + 1e-6)


def pretrain_encoder(
    network: keras.Model,
    run: Path,
    plan: Recipe,
    corpus: Corpus,
    variations: AugmentedFeatures,
) -> None:
    """Give the network an encoder trained on the corpus's clips, or the one kept in the run."""
    path = run / ENCODER
    if path.exists():
        encoder = read_network(path)
    else:
        clips = audio.from_int16(corpus.training.samples)
        with Progress("clips embedded") as progress:
            material = embed_clips(clips, plan, SpeechEmbedding(), progress)
        epochs = EpochLines(plan.training.encoder_epochs)
        encoder = train_encoder(plan, material, corpus.noise, run, epochs)
    set_encoder(network, encoder)
    # As in the training that follows, where batch normalisation goes by the batch.
    some = variations[0][0][:512].astype(np.float32)
    encoded = keras.ops.convert_to_numpy(encoder_of(network)(some, training=True))
    fold_normalisation(network, *mean_and_scale(encoded))


def _compiled(plan: Recipe, batches: int) -> keras.Model:
    """An encoder with a layer that predicts the embedding; ``batches`` in an epoch."""
    encoder = build_encoder(plan.network, (_LENGTH, plan.frontend.bands))
    predicted = keras.layers.Dense(SIZE, name="embedding")(encoder.output)
    predicted = keras.layers.Reshape((_TARGETS, SIZE))(predicted)
    model = keras.Model(encoder.input, predicted)
    steps = batches * plan.training.encoder_epochs
    model.compile(
        keras.optimizers.AdamW(
            cosine(_RATE, steps, warmup=max(1, min(200, steps // 10))),
            weight_decay=_DECAY,
            use_ema=True,
            ema_momentum=1 - 1 / max(10, steps // _AVERAGED),
        ),
        keras.losses.MeanSquaredError(),
        jit_compile=keras.backend.backend() != "tensorflow",
    )
    return model


class _Segments(keras.utils.PyDataset):
    """Random segments with random gain, half of them with noise; as many an epoch as the material
    is long."""

    def __init__(self, material: EmbeddedAudio, noise: Noise, plan: Recipe):
        super().__init__()
        self._seed, self._epoch = plan.training.seed, 0
        self._floor = plan.frontend.floor
        tracks = [NativeFeatureStream(plan.frontend).feed(track) for track in noise.tracks]
        self._noise = [np.exp(track) - self._floor for track in tracks]
        short = max(0, _LENGTH // STEP + 1 - len(material.whole))  # less than one segment
        self._features = np.pad(material.features, ((0, short * STEP), (0, 0)), mode="edge")
        self._whole = np.pad(material.whole, (0, short))
        known = material.embeddings[material.whole][:, None]
        shuffled = np.random.default_rng(self._seed).permutation(known)
        components = PcaTargets(shuffled[:_PCA_EXAMPLES])
        self._targets = np.zeros((len(self._whole), SIZE), np.float32)
        self._targets[self._whole] = components(known)

    def __len__(self) -> int:
        return max(1, len(self._whole) // (_TARGETS * _BATCH))

    def __getitem__(self, k: int):
        rng = np.random.default_rng([self._seed, self._epoch, k])
        starts = rng.integers(0, len(self._whole) - _LENGTH // STEP, _BATCH)
        features = np.stack([self._augmented(at * STEP, rng) for at in starts])
        steps = starts[:, None] + np.arange(_TARGETS)
        return features, self._targets[steps], self._whole[steps].astype(np.float32)

    def start(self, epoch: int) -> None:
        self._epoch = epoch

    def on_epoch_end(self) -> None:
        self._epoch += 1

    def _augmented(self, at: int, rng: np.random.Generator) -> np.ndarray:
        """The features of the segment from frame ``at`` on; powers of sound and noise add up."""
        power = np.exp(self._features[at : at + _LENGTH].astype(np.float32)) - self._floor
        if rng.random() < _NOISY:
            loudest = np.quantile(power.sum(axis=1), 0.95)
            track = self._noise[rng.integers(len(self._noise))]
            start = rng.integers(len(track))
            noise = np.take(track, np.arange(start, start + _LENGTH), axis=0, mode="wrap")
            share = loudest / np.mean(noise.sum(axis=1)) * 10 ** (-rng.uniform(*_SNR_DB) / 10)
            power = power + share * noise
        power = power * 10 ** (rng.normal(0, _GAIN_DB) / 10)
        return np.log(np.maximum(power, 0) + self._floor)

"""Embedding distillation: a small encoder that predicts Google's speech embedding.

The speech embedding was trained on very many people, but it is thirty times too large. A small
network that learns only to predict it, every 80 ms of hours of speech, takes over enough that a
head on it carries over from synthetic voices to people. All steps of a segment are predicted at
once: single windows overlap, and would be computed again and again.
"""

from pathlib import Path

import keras
import numpy as np

from kws import audio
from kws.datasets.features import AugmentedFeatures
from kws.datasets.noise import Noise
from kws.frontend.native import NativeFeatureStream
from kws.networks.encoder import (
    FRAMES,
    build_encoder,
    encoder_of,
    fold_normalisation,
    set_encoder,
)
from kws.recipe import Recipe
from kws.training.callbacks import EpochReport
from kws.training.dataset import Corpus
from kws.training.embedded_audio import EmbeddedAudio, embed_clips
from kws.training.fit import JIT_COMPILE, fit
from kws.training.optimizer import cosine
from kws.training.run_folder import ENCODER, ENCODER_CHECKPOINT, read_network, save_network
from kws.training.speech_embedding import COMPONENTS, STEP, PcaTargets, SpeechEmbedding

_BATCH = 16
_TARGETS = 25  # embeddings that a segment is trained to predict
SEGMENT = FRAMES + (_TARGETS - 1) * STEP  # frames
_RATE, _DECAY = 4e-3, 1e-3
_AVERAGED = 20  # the averaged weights span about the last twentieth of the steps
_GAIN_DB = 5.0  # deviation of the gain of a segment
_NOISY = 0.5  # share of the segments with noise
_SNR_DB = (0.0, 30.0)


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
        material = embed_clips(clips, plan, SpeechEmbedding())
        encoder = train_encoder(plan, material, corpus.noise, run)
    set_encoder(network, encoder)
    # With training=True, since batch normalisation goes by the batch in the training that follows.
    some = variations[0][0][:512].astype(np.float32)
    encoded = keras.ops.convert_to_numpy(encoder_of(network)(some, training=True))
    fold_normalisation(network, *mean_and_scale(encoded))


def train_encoder(plan: Recipe, material: EmbeddedAudio, noise: Noise, folder: Path) -> keras.Model:
    """Train an encoder on segments: (batch, frames, bands) -> (batch, 1, steps, channels).

    Its layers are named as those of the encoder in ``plan``'s network. Half of the segments have
    noise; the targets are the embeddings of the same sound without it. The learning rate warms up
    and then falls to 0 along a cosine, in ``plan.training.encoder_epochs`` epochs. The averaged
    weights are kept as ENCODER in ``folder``. A training that was stopped goes on after its last
    whole epoch.
    """
    segments = _Segments(material, noise, plan)
    checkpoint, epochs = folder / ENCODER_CHECKPOINT, plan.training.encoder_epochs
    kept = checkpoint.exists()
    model = read_network(checkpoint) if kept else _compiled(plan, len(segments))
    epoch = int(model.optimizer.iterations) // len(segments)
    segments.start(epoch)
    keep = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: save_network(model, checkpoint)
    )
    callbacks = [keep, EpochReport(epochs)]
    fit(model, segments, initial_epoch=epoch, epochs=epochs, callbacks=callbacks)
    model.optimizer.finalize_variable_values(model.trainable_variables)
    encoder = keras.Model(model.input, model.get_layer("embedding").input)
    save_network(encoder, folder / ENCODER)
    checkpoint.unlink(missing_ok=True)
    return encoder


def encode(encoder: keras.Model, features: np.ndarray) -> np.ndarray:
    """The encoder's outputs float16 (n, channels) for features (8·n, bands).

    Beyond the end, the last frame is repeated.
    """
    steps = len(features) // STEP
    pieces = -(-steps // _TARGETS)
    missing = pieces * _TARGETS * STEP + SEGMENT - len(features)
    features = np.pad(features, ((0, missing), (0, 0)), mode="edge")
    encoded = []
    for first in range(0, pieces, 64):
        starts = np.arange(first, min(first + 64, pieces)) * _TARGETS * STEP
        batch = np.stack([features[at : at + SEGMENT] for at in starts]).astype(np.float32)
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


def _compiled(plan: Recipe, batches: int) -> keras.Model:
    """An encoder, and a layer that predicts the components; an epoch has ``batches`` batches."""
    encoder = build_encoder(plan.network, (SEGMENT, plan.frontend.bands))
    predicted = keras.layers.Dense(COMPONENTS, name="embedding")(encoder.output)
    predicted = keras.layers.Reshape((_TARGETS, COMPONENTS))(predicted)
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
        jit_compile=JIT_COMPILE,
    )
    return model


class _Segments(keras.utils.PyDataset):
    """Random segments with random gain, half of them with noise.

    An epoch is as long as the material. A batch is the features float32 (batch, frames, bands), the
    targets (batch, steps, 96), and the weights (batch, steps), 0 where there is no embedding.
    """

    def __init__(self, material: EmbeddedAudio, noise: Noise, plan: Recipe):
        super().__init__()
        self._seed, self._epoch = plan.training.seed, 0
        self._floor = plan.frontend.floor
        tracks = [NativeFeatureStream(plan.frontend).feed(track) for track in noise.tracks]
        self._noise = [np.exp(track) - self._floor for track in tracks]
        short = max(0, SEGMENT // STEP + 1 - len(material.whole))  # less than one segment
        self._features = np.pad(material.features, ((0, short * STEP), (0, 0)), mode="edge")
        self._whole = np.pad(material.whole, (0, short))
        known = material.embeddings[material.whole][:, None]
        shuffled = np.random.default_rng(self._seed).permutation(known)
        components = PcaTargets(shuffled)
        self._targets = np.zeros((len(self._whole), COMPONENTS), np.float32)
        self._targets[self._whole] = components(known)

    def __len__(self) -> int:
        return max(1, len(self._whole) // (_TARGETS * _BATCH))

    def __getitem__(self, k: int):
        rng = np.random.default_rng([self._seed, self._epoch, k])
        starts = rng.integers(0, len(self._whole) - SEGMENT // STEP, _BATCH)
        features = np.stack([self._augmented(at * STEP, rng) for at in starts])
        steps = starts[:, None] + np.arange(_TARGETS)
        return features, self._targets[steps], self._whole[steps].astype(np.float32)

    def start(self, epoch: int) -> None:
        self._epoch = epoch

    def on_epoch_end(self) -> None:
        self._epoch += 1

    def _augmented(self, at: int, rng: np.random.Generator) -> np.ndarray:
        """Features of the segment from frame ``at`` on, with gain and noise: powers add up."""
        power = np.exp(self._features[at : at + SEGMENT].astype(np.float32)) - self._floor
        if rng.random() < _NOISY:
            loudest = np.quantile(power.sum(axis=1), 0.95)
            track = self._noise[rng.integers(len(self._noise))]
            start = rng.integers(len(track))
            noise = np.take(track, np.arange(start, start + SEGMENT), axis=0, mode="wrap")
            share = loudest / np.mean(noise.sum(axis=1)) * 10 ** (-rng.uniform(*_SNR_DB) / 10)
            power = power + share * noise
        power = power * 10 ** (rng.normal(0, _GAIN_DB) / 10)
        return np.log(np.maximum(power, 0) + self._floor)

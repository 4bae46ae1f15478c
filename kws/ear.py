"""A small ear: a network that describes sound as Google's speech embedding does.

The embedding heard very many people (``kws.corpus.embedding``), but is thirty times too large.
A small network that is asked for its descriptions alone, at every 80 ms of hours of speech, takes
over enough of them that a head on its own carries over from synthetic voices to people. Asked at
every step of a stretch of sound it learns many times faster than from single windows, which
overlap and so are computed again and again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from kws import audio, feeding, network_file
from kws.corpus.embedding import SIZE, STEP, Impressions, SpeechEmbedding
from kws.corpus.examples import Examples
from kws.corpus.noise import Noise
from kws.frontend import FrontEnd
from kws.frontend_c import FeatureStream
from kws.networks import listener
from kws.recipe import Recipe
from kws.run_folder import EAR, EAR_CHECKPOINT

_PIECE = 20 * audio.RATE  # samples, at most, that are embedded at once
_CLIPS = 16_000  # that are heard, at most
_FITTED = 8000  # embeddings that their principal components are found with
_BATCH = 16
_DESCRIBED = 25  # descriptions asked of a stretch
_LENGTH = listener.FRAMES + (_DESCRIBED - 1) * STEP  # frames of a stretch
_RATE, _DECAY = 4e-3, 1e-3
_AVERAGED = 20  # the weights that are kept are a mean of about the last twentieth's
_LOUDER_DB = 5.0  # or quieter: the deviation
_NOISY = 0.5  # of the stretches
_SNR_DB = (0.0, 30.0)


@dataclass(frozen=True)
class Heard:
    """Sounds one behind the other, and what the embedding makes of them.

    features float16 (8·n, bands); embeddings float16 (n, 96), of the 76 frames from each eighth
    on; whole bool (n,), whether those lie in one sound, without which there is no embedding.
    """

    features: np.ndarray
    embeddings: np.ndarray
    whole: np.ndarray


def of_recordings(
    recordings: Sequence[np.ndarray],
    frontend: FrontEnd,
    embedding: SpeechEmbedding,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Heard:
    """What recordings float32 (samples,) sound like; their ends are filled to whole seconds."""
    parts = []
    for k, recording in enumerate(recordings):
        for start in range(0, len(recording), _PIECE):
            piece = recording[start : start + _PIECE]
            piece = np.pad(piece, (0, -len(piece) % audio.RATE)).astype(np.float32)
            parts.append(_one(FeatureStream(frontend).feed(piece), embedding(piece[None])[0]))
        progress(k + 1, len(recordings))
    return join(parts)


def of_clips(
    clips: np.ndarray,
    plan: Recipe,
    embedding: SpeechEmbedding,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Heard:
    """What clips float32 (clips, samples) sound like, one after the other in any order."""
    order = np.random.default_rng(plan.training.seed).permutation(len(clips))[:_CLIPS]
    joined = max(1, _PIECE // plan.samples)
    pieces = [clips[order[at : at + joined]].ravel() for at in range(0, len(order), joined)]
    return of_recordings(pieces, plan.frontend, embedding, progress)


def of_examples(examples: Examples) -> Heard:
    return join([_one(*pair) for pair in zip(examples.features, examples.embeddings, strict=True)])


def _one(features: np.ndarray, embeddings: np.ndarray) -> Heard:
    steps = len(features) // STEP
    padded = np.zeros((steps, SIZE), np.float16)
    padded[: len(embeddings)] = embeddings[:steps]
    whole = np.arange(steps) < len(embeddings)
    return Heard(features[: steps * STEP].astype(np.float16), padded, whole)


def join(parts: Sequence[Heard]) -> Heard:
    return Heard(
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.embeddings for part in parts]),
        np.concatenate([part.whole for part in parts]),
    )


def train(
    plan: Recipe,
    heard: Heard,
    noise: Noise,
    folder: Path,
    done: Callable[[int, float], None] = lambda *_: None,
) -> keras.Model:
    """An ear for stretches of sound, (batch, frames, bands) -> (batch, 1, steps, channels).

    Its weights, layer by layer, are those of ``plan``'s listener. Half of what it hears lies in
    noise; it is asked for the description of the same sound without. Warm-up, then a cosine to
    zero, in the recipe's ``ear`` epochs; the averaged weights are kept, as EAR in ``folder``. A
    training that was stopped goes on after the last whole epoch.
    """
    stretches = _Stretches(heard, noise, plan)
    checkpoint = folder / EAR_CHECKPOINT
    model = network_file.read(checkpoint) if checkpoint.exists() else _asked(plan, len(stretches))
    epoch = int(model.optimizer.iterations) // len(stretches)
    stretches.begin(epoch)

    def keep(epoch, logs):
        network_file.save(model, checkpoint)
        done(epoch + 1, logs["loss"])

    feeding.fit(
        model,
        stretches,
        initial_epoch=epoch,
        epochs=plan.training.ear,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=keep)],
    )
    model.optimizer.finalize_variable_values(model.trainable_variables)
    ear = keras.Model(model.input, model.get_layer("told").input)
    network_file.save(ear, folder / EAR)
    checkpoint.unlink(missing_ok=True)
    return ear


def _asked(plan: Recipe, batches: int) -> keras.Model:
    """An ear that is asked for the embedding's descriptions, in so many batches an epoch."""
    ear = listener.ear(plan.network, (_LENGTH, plan.frontend.bands))
    told = keras.layers.Dense(SIZE, name="told")(ear.output)
    told = keras.layers.Reshape((_DESCRIBED, SIZE))(told)
    model = keras.Model(ear.input, told)
    steps = batches * plan.training.ear
    warmup = max(1, min(200, steps // 10))
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - warmup), warmup_target=_RATE, warmup_steps=warmup
    )
    model.compile(
        keras.optimizers.AdamW(
            schedule,
            weight_decay=_DECAY,
            use_ema=True,
            ema_momentum=1 - 1 / max(10, steps // _AVERAGED),
        ),
        keras.losses.MeanSquaredError(),
        jit_compile=keras.backend.backend() != "tensorflow",
    )
    return model


def give(network: keras.Model, ear: keras.Model, share: float = 1.0) -> None:
    """Make the ear that of a listener: ``share`` of its weights, the rest the listener's own."""
    for layer in ear.layers:
        own = network.get_layer(layer.name)
        pairs = zip(layer.get_weights(), own.get_weights(), strict=True)
        own.set_weights([share * new + (1 - share) * old for new, old in pairs])


def spread(told: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and scale of descriptions (..., channels); a channel that hardly tells anything is not
    blown up."""
    told = told.reshape(-1, told.shape[-1]).astype(np.float32)
    deviation = told.std(axis=0)
    return told.mean(axis=0), np.maximum(deviation, 0.1 * deviation.mean() + 1e-6)


def denormalise(dense: keras.layers.Dense, mean: np.ndarray, scale: np.ndarray) -> None:
    """A layer that takes (x − mean) / scale takes x from now on."""
    kernel, bias = dense.get_weights()
    kernel = kernel / scale[:, None]
    dense.set_weights([kernel, bias - mean @ kernel])


class _Stretches(keras.utils.PyDataset):
    """Stretches from anywhere, louder or quieter, with noise or without, as many an epoch as there
    is sound."""

    def __init__(self, heard: Heard, noise: Noise, plan: Recipe):
        super().__init__()
        self._seed, self._epoch = plan.training.seed, 0
        self._floor = plan.frontend.floor
        tracks = [FeatureStream(plan.frontend).feed(track) for track in noise.tracks]
        self._noise = [np.exp(track) - self._floor for track in tracks]
        short = max(0, _LENGTH // STEP + 1 - len(heard.whole))  # less than one stretch
        self._features = np.pad(heard.features, ((0, short * STEP), (0, 0)), mode="edge")
        self._whole = np.pad(heard.whole, (0, short))
        known = heard.embeddings[heard.whole][:, None]
        components = Impressions(np.random.default_rng(self._seed).permutation(known)[:_FITTED])
        self._wanted = np.zeros((len(self._whole), SIZE), np.float32)
        self._wanted[self._whole] = components(known)

    def __len__(self) -> int:
        return max(1, len(self._whole) // (_DESCRIBED * _BATCH))

    def __getitem__(self, k: int):
        rng = np.random.default_rng([self._seed, self._epoch, k])
        starts = rng.integers(0, len(self._whole) - _LENGTH // STEP, _BATCH)
        features = np.stack([self._varied(at * STEP, rng) for at in starts])
        asked = starts[:, None] + np.arange(_DESCRIBED)
        return features, self._wanted[asked], self._whole[asked].astype(np.float32)

    def begin(self, epoch: int) -> None:
        self._epoch = epoch

    def on_epoch_end(self) -> None:
        self._epoch += 1

    def _varied(self, at: int, rng: np.random.Generator) -> np.ndarray:
        """The features from ``at`` on, of a sound to which noise was added: powers add up."""
        power = np.exp(self._features[at : at + _LENGTH].astype(np.float32)) - self._floor
        if rng.random() < _NOISY:
            loudest = np.quantile(power.sum(axis=1), 0.95)
            track = self._noise[rng.integers(len(self._noise))]
            start = rng.integers(len(track))
            noise = np.take(track, np.arange(start, start + _LENGTH), axis=0, mode="wrap")
            share = loudest / np.mean(noise.sum(axis=1)) * 10 ** (-rng.uniform(*_SNR_DB) / 10)
            power = power + share * noise
        power = power * 10 ** (rng.normal(0, _LOUDER_DB) / 10)
        return np.log(np.maximum(power, 0) + self._floor)


def describe(ear: keras.Model, features: np.ndarray) -> np.ndarray:
    """What the ear tells of features (8·n, bands): float16 (n, channels).

    The last descriptions, which would need frames beyond the end, hear the last frame go on.
    """
    steps = len(features) // STEP
    pieces = -(-steps // _DESCRIBED)
    missing = pieces * _DESCRIBED * STEP + _LENGTH - len(features)
    features = np.pad(features, ((0, missing), (0, 0)), mode="edge")
    told = []
    for first in range(0, pieces, 64):
        starts = np.arange(first, min(first + 64, pieces)) * _DESCRIBED * STEP
        batch = np.stack([features[at : at + _LENGTH] for at in starts]).astype(np.float32)
        told.append(ear.predict_on_batch(batch).reshape(-1, ear.output_shape[-1]))
    return np.concatenate(told)[:steps].astype(np.float16)

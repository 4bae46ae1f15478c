"""A network for one keyword in a stream: an encoder, and a head trained on scenes and mistakes.

Synthetic voices are few, and clean. The encoder learned from a large network that was trained on
very many people (``kws.training.encoder``), so only the small head on it learns the keyword. It
learns from scenes, and from the windows of the background that it took for the keyword, round
after round (hard negative mining). The label is the smaller part of a target. The larger part is
the probability that a teacher gives: a head on the large network's embeddings, trained on the same
examples.
"""

import keras
import numpy as np

from kws.networks.encoder import encoder_of, fold_normalisation, head_of, set_encoder
from kws.training.embedded_audio import EmbeddedAudio
from kws.training.encoder import encode, mean_and_scale
from kws.training.fit import JIT_COMPILE, ArrayBatches, fit, predict
from kws.training.speech_embedding import PcaTargets
from kws.utils.console import note
from kws.wakeword.examples import KEYWORD, OTHER, SILENCE, Examples

_BATCH, _SMOOTHING = 128, 0.02
_ROUNDS = 2  # of mining
_MINED = 8000  # windows a round, and at most an eighth of all
_EPOCHS, _RATE, _DECAY = 8, 1e-3, 1e-2
_WINDOWS_AT_ONCE = 8192
_TEACHER_WEIGHT = 0.6  # of the teacher in a target
_TEACHER_UNITS = 64
_TEACHER_EPOCHS, _TEACHER_STEPS = 6, 600  # there are at least so many of both


def train_head(
    network: keras.Model, encoder: keras.Model, scenes: Examples, background: EmbeddedAudio
) -> None:
    """Give a network its encoder, and train its head in ``_ROUNDS`` + 1 rounds.

    background: sound without the keyword.
    """
    set_encoder(network, encoder)
    encoded_scenes = predict(encoder_of(network), scenes.features)[:, 0]
    mean, scale = mean_and_scale(encoded_scenes)
    encoded = (encode(encoder, background.features) - mean) / scale
    components_of = PcaTargets(scenes.embeddings)
    components = components_of(scenes.embeddings)
    # A window may begin only where all of it lies in one recording. It can have a step more of the
    # encoder's than of the embedding, whose front end needs some samples more.
    width, steps = encoded_scenes.shape[1], scenes.embeddings.shape[1]
    span = max(width, steps)
    starts = np.flatnonzero(np.convolve(background.whole, np.ones(span, int), "valid") == span)
    head = head_of(network)
    initial = head.get_weights()
    mined = np.zeros(0, int)
    for number in range(_ROUNDS + 1):
        if number:
            scores = _keyword_scores(head, encoded, starts, width)
            worst = starts[np.argsort(-scores)]
            mined = np.union1d(mined, worst[: min(_MINED, len(starts) // 8)])
        labels = np.concatenate([scenes.labels, np.full(len(mined), OTHER, np.int8)])
        more = components_of(_windows(background.embeddings, mined, steps))
        probabilities = teacher_probabilities(np.concatenate([components, more]), labels)
        windows = np.concatenate([(encoded_scenes - mean) / scale, _windows(encoded, mined, width)])
        head.set_weights(initial)
        loss = _fit(head, windows[:, None], targets(labels, probabilities))
        note(f"round {number} of {_ROUNDS} of mining: loss {loss:.3f}")
    fold_normalisation(network, mean, scale)


def teacher_probabilities(components: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The teacher's probability of the keyword, float32 (examples,), for its training examples.

    components: (examples, components), principal components of speech embeddings; labels: int
    (examples,). The teacher is too small, and trained too short, to know the examples by heart.
    """
    teacher = keras.Sequential(
        [
            keras.Input(components.shape[1:]),
            keras.layers.Dense(_TEACHER_UNITS, activation="relu"),
            keras.layers.Dropout(0.4),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    teacher.compile(
        keras.optimizers.AdamW(1e-3, weight_decay=1e-2),
        keras.losses.CategoricalCrossentropy(label_smoothing=_SMOOTHING),
    )
    hard = np.eye(2, dtype=np.float32)[(labels != KEYWORD).astype(int)]
    epochs = max(_TEACHER_EPOCHS, _TEACHER_STEPS * _BATCH // len(labels))
    fit(teacher, ArrayBatches(components, hard, _BATCH, seed=0), epochs=epochs)
    return predict(teacher, components)[:, 0]


def targets(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """What the network shall predict of each example, float32 (examples, 3).

    labels: int (examples,). probabilities: the teacher's, of the keyword, (examples,); the rest of
    them goes to silence for examples of silence, else to other sounds.
    """
    hard = np.eye(3, dtype=np.float32)[labels.astype(int)]
    hard = hard * (1 - _SMOOTHING) + _SMOOTHING / 3
    soft = np.zeros_like(hard)
    soft[:, KEYWORD] = probabilities
    rest = np.where(labels == SILENCE, SILENCE, OTHER)
    soft[np.arange(len(labels)), rest] += 1 - probabilities
    return (1 - _TEACHER_WEIGHT) * hard + _TEACHER_WEIGHT * soft


def _windows(steps: np.ndarray, starts: np.ndarray, width: int) -> np.ndarray:
    """Windows float32 (starts, width, channels) of steps (n, channels)."""
    return steps[starts[:, None] + np.arange(width)].astype(np.float32)


def _keyword_scores(
    head: keras.Model, encoded: np.ndarray, starts: np.ndarray, width: int
) -> np.ndarray:
    """The head's scores of the keyword for the windows that begin at ``starts``."""
    scores = [np.zeros(0, np.float32)]
    for at in range(0, len(starts), _WINDOWS_AT_ONCE):
        windows = _windows(encoded, starts[at : at + _WINDOWS_AT_ONCE], width)
        scores.append(head.predict_on_batch(windows[:, None])[:, KEYWORD])
    return np.concatenate(scores)


def _fit(head: keras.Model, windows: np.ndarray, wanted: np.ndarray) -> float:
    """Train the head on windows (examples, 1, width, channels); returns the last loss."""
    head.compile(
        keras.optimizers.AdamW(_RATE, weight_decay=_DECAY),
        keras.losses.CategoricalCrossentropy(),
        jit_compile=JIT_COMPILE,
    )
    fitted = fit(head, ArrayBatches(windows, wanted, _BATCH, seed=0), epochs=_EPOCHS)
    return fitted.history["loss"][-1]

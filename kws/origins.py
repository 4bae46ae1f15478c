"""Recorded or synthetic: what a clip's origin must not tell about its word.

Where some words have few recordings and many synthetic clips, a network learns that a person's
voice is none of them. So in training it is told beforehand what the origin alone makes likely, and
learns the rest (logit adjustment; Menon et al. 2021, "Long-tail learning via logit adjustment",
here by origin); afterwards nobody tells it, and it finds each word as likely as the other.
"""

import keras
import numpy as np

from kws import feeding

_BATCH = 128


def expectations(labels: np.ndarray, synthetic: np.ndarray, classes: int) -> np.ndarray:
    """Log of how often each class is among the clips of the same origin, (clips, classes).

    labels: int (clips,); the last class is silence, which has no origin. synthetic: bool (clips,).
    The most frequent class has 0.
    """
    told = np.zeros((len(labels), classes), np.float32)
    for origin in (False, True):
        of_origin = synthetic == origin
        # One more than there are: what has none may yet be.
        counts = np.bincount(labels[of_origin], minlength=classes).astype(float) + 1
        counts[-1] = counts[:-1].mean()
        told[of_origin] = np.log(counts / counts.max())
    return told


@keras.saving.register_keras_serializable(package="kws")
class Expecting(keras.layers.Layer):
    """Probabilities (batch, classes), given what was expected: log-odds (batch, classes)."""

    def call(self, probabilities, expected):
        return keras.ops.softmax(keras.ops.log(probabilities + 1e-7) + expected)


def given(probabilities: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """What ``Expecting`` makes of probabilities (clips, classes), in numpy."""
    weighed = (probabilities + 1e-7) * np.exp(expected)
    return weighed / weighed.sum(axis=1, keepdims=True)


def fit(
    network: keras.Model,
    inputs: np.ndarray,
    told: np.ndarray,
    targets: np.ndarray,
    epochs: int,
    steps: int,
    rate: float,
) -> None:
    """Teach a small network what is all in memory, told what to expect: a cosine from ``rate`` on.

    inputs: (clips, …); told, targets: (clips, classes). At least so many epochs and steps.
    """
    expected = keras.Input(told.shape[1:])
    model = keras.Model([network.input, expected], Expecting()(network.output, expected))
    epochs = max(epochs, steps * _BATCH // len(inputs))
    schedule = keras.optimizers.schedules.CosineDecay(rate, epochs * -(-len(inputs) // _BATCH))
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=1e-3),
        keras.losses.CategoricalCrossentropy(),
    )
    batches = feeding.Arrays((inputs, told), targets, _BATCH, seed=0)
    feeding.fit(model, batches, epochs=epochs)

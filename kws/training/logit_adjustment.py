"""Logit adjustment by origin: a clip's origin must not tell the network its word.

Where some words have few recordings and many synthetic clips, a network learns that a person's
voice says none of them. So in training its log-odds are shifted by the log prior of each word
given the origin, recorded or synthetic, and the network learns only the rest (Menon et al. 2021,
"Long-tail learning via logit adjustment", here by origin). After the training nothing is shifted:
all words are equally likely.
"""

import keras
import numpy as np

from kws.training.fit import ArrayBatches, fit
from kws.training.optimizer import cosine

_BATCH = 128
_EPOCHS, _STEPS = 12, 600  # of ``fit_adjusted``, at least so many of both


def log_priors(labels: np.ndarray, synthetic: np.ndarray, classes: int) -> np.ndarray:
    """Log frequency of each class among the clips of the same origin, float32 (clips, classes).

    labels: int (clips,); the last class is silence, which has no origin. synthetic: bool (clips,).
    The most frequent class has 0.
    """
    priors = np.zeros((len(labels), classes), np.float32)
    for origin in (False, True):
        of_origin = synthetic == origin
        # One more of each: a class without clips of this origin is rare, not impossible.
        counts = np.bincount(labels[of_origin], minlength=classes).astype(float) + 1
        counts[-1] = counts[:-1].mean()
        priors[of_origin] = np.log(counts / counts.max())
    return priors


@keras.saving.register_keras_serializable(package="kws", name="Expecting")
class LogitAdjustment(keras.layers.Layer):
    """Probabilities (batch, classes) shifted by log priors (batch, classes)."""

    def call(self, probabilities, priors):
        return keras.ops.softmax(keras.ops.log(probabilities + 1e-7) + priors)


def adjust(probabilities: np.ndarray, priors: np.ndarray) -> np.ndarray:
    """``LogitAdjustment`` of probabilities (clips, classes) in NumPy."""
    weighed = (probabilities + 1e-7) * np.exp(priors)
    return weighed / weighed.sum(axis=1, keepdims=True)


def fit_adjusted(
    network: keras.Model,
    inputs: np.ndarray,
    priors: np.ndarray,
    targets: np.ndarray,
    rate: float,
) -> None:
    """Train a small network with logit adjustment on arrays, in place.

    inputs: (clips, …); priors, targets: (clips, classes). rate: the learning rate, which falls to 0
    along a cosine.
    """
    shift = keras.Input(priors.shape[1:])
    model = keras.Model([network.input, shift], LogitAdjustment()(network.output, shift))
    epochs = max(_EPOCHS, _STEPS * _BATCH // len(inputs))
    schedule = cosine(rate, epochs * -(-len(inputs) // _BATCH))
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=1e-3),
        keras.losses.CategoricalCrossentropy(),
    )
    fit(model, ArrayBatches((inputs, priors), targets, _BATCH, seed=0), epochs=epochs)

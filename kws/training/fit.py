"""Batches of arrays, and training and prediction on them.

Keras hands batches to tf.data, which tunes itself. Its tuning thread sleeps for longer and longer,
and TensorFlow (2.21) waits for it at the end of the data: an epoch of 5.2 s takes 10.3 s. So
``fit`` makes the tf.data.Dataset itself and turns the tuning off.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import keras
import numpy as np

# For ``compile``. XLA has no fast depthwise convolution on a CPU: 52 s an epoch against 7 s.
JIT_COMPILE = keras.backend.backend() != "tensorflow"
_PREDICTED = 512  # examples that are predicted at once


class ArrayBatches(keras.utils.PyDataset):
    """Batches of arrays in memory: (inputs (batch, …), targets (batch, classes)).

    inputs: an array (n, …), or a tuple of arrays. targets: (n, classes). seed: with one, every
    epoch has an order of its own, which depends only on the seed and the number of the epoch.
    epoch: the number of the first epoch.
    """

    def __init__(self, inputs, targets, batch: int, seed: int | None = None, epoch: int = 0):
        super().__init__()
        self._inputs, self._targets, self._batch, self._seed = inputs, targets, batch, seed
        self._start(epoch)

    def __len__(self) -> int:
        return -(-len(self._targets) // self._batch)

    def __getitem__(self, index: int):
        chosen = self._order[index * self._batch : (index + 1) * self._batch]
        return keras.tree.map_structure(lambda array: array[chosen], (self._inputs, self._targets))

    def on_epoch_end(self) -> None:
        self._start(self._epoch + 1)

    def _start(self, epoch: int) -> None:
        self._epoch = epoch
        self._order = np.arange(len(self._targets))
        if self._seed is not None:
            np.random.default_rng([self._seed, epoch]).shuffle(self._order)


def fit(model: keras.Model, data: keras.utils.PyDataset, validation=None, **kwargs):
    """``model.fit`` on batches in the order that they have, without output.

    validation: batches to validate on. kwargs: further arguments of ``model.fit``.
    """
    kwargs |= {"shuffle": False, "verbose": 0}
    if keras.backend.backend() != "tensorflow":
        return model.fit(data, validation_data=validation, **kwargs)
    kwargs["steps_per_epoch"] = len(data)
    with ExitStack() as datasets:
        if validation:
            kwargs["validation_data"] = datasets.enter_context(_untuned(validation))
            kwargs["validation_steps"] = len(validation)
        return model.fit(datasets.enter_context(_untuned(data)), **kwargs)


def predict(network: keras.Model, *parts: np.ndarray) -> np.ndarray:
    """A network's outputs for the inputs in all parts, (n, …) each and of any type."""
    batches = (part[k : k + _PREDICTED] for part in parts for k in range(0, len(part), _PREDICTED))
    return np.concatenate([network.predict_on_batch(batch.astype(np.float32)) for batch in batches])


@contextmanager
def _untuned(data: keras.utils.PyDataset) -> Iterator:
    """All epochs of the data as a tf.data.Dataset that does not tune itself.

    A batch is computed when it is asked for, since Keras asks for the first one twice. TensorFlow
    never frees the generator, so the generator lets go of the data in the end. Otherwise every
    training of a study would keep a gigabyte.
    """
    import tensorflow as tf

    held = [data]

    def as_float32(array: np.ndarray) -> np.ndarray:
        return np.asarray(array, np.float32)

    def batches():
        while True:
            for k in range(len(held[0])):
                yield keras.tree.map_structure(as_float32, held[0][k])
            held[0].on_epoch_end()

    shapes = keras.tree.map_structure(
        lambda array: tf.TensorSpec((None, *array.shape[1:]), tf.float32), data[0]
    )
    options = tf.data.Options()
    options.autotune.enabled = False
    try:
        yield tf.data.Dataset.from_generator(batches, output_signature=shapes).with_options(options)
    finally:
        held.clear()

"""How networks are fed while they learn, without waiting at the end of an epoch.

Keras hands its data to tf.data and has that tune itself. The tuning thread sleeps twice as long
from time to time, and TensorFlow (2.21) waits for it when the data have ended: an epoch of 5.2 s
takes 10.3 s. So here tf.data is told not to.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import keras
import numpy as np


class ArrayBatches(keras.utils.PyDataset):
    """Arrays that are all in memory, in batches; each epoch in an order of its own if a ``seed``
    is given. inputs: (n, …), or several of them in a tuple; targets (n, classes)."""

    def __init__(self, inputs, targets: np.ndarray, batch: int, seed: int | None = None):
        super().__init__()
        self._inputs, self._targets, self._batch = inputs, targets, batch
        self._seed, self._epoch = seed, 0
        self._start()

    def __len__(self) -> int:
        return -(-len(self._targets) // self._batch)

    def __getitem__(self, index: int):
        chosen = self._order[index * self._batch : (index + 1) * self._batch]
        if isinstance(self._inputs, tuple):
            return tuple(array[chosen] for array in self._inputs), self._targets[chosen]
        return self._inputs[chosen], self._targets[chosen]

    def on_epoch_end(self) -> None:
        self._epoch += 1
        self._start()

    def _start(self) -> None:
        self._order = np.arange(len(self._targets))
        if self._seed is not None:
            np.random.default_rng([self._seed, self._epoch]).shuffle(self._order)


def fit(model: keras.Model, data: keras.utils.PyDataset, validation=None, **kwargs):
    """``model.fit`` on batches in their own order, silently; kwargs: as there."""
    kwargs |= {"shuffle": False, "verbose": 0}
    if keras.backend.backend() != "tensorflow":
        return model.fit(data, validation_data=validation, **kwargs)
    kwargs["steps_per_epoch"] = len(data)
    with ExitStack() as feeds:
        if validation:
            kwargs["validation_data"] = feeds.enter_context(_repeated(validation))
            kwargs["validation_steps"] = len(validation)
        return model.fit(feeds.enter_context(_repeated(data)), **kwargs)


@contextmanager
def _repeated(data: keras.utils.PyDataset) -> Iterator:
    """One epoch after the other as a tf.data.Dataset that does not tune itself.

    It takes a batch no sooner than it is asked to: Keras looks at the first one beforehand.
    TensorFlow never lets go of the generator, so that lets go of the data in the end: a gigabyte
    a training of a study.
    """
    import tensorflow as tf

    held = [data]

    def epochs():
        while True:
            for k in range(len(held[0])):
                yield keras.tree.map_structure(
                    lambda array: np.asarray(array, np.float32), held[0][k]
                )
            held[0].on_epoch_end()

    shapes = keras.tree.map_structure(
        lambda array: tf.TensorSpec((None, *array.shape[1:]), tf.float32), data[0]
    )
    untuned = tf.data.Options()
    untuned.autotune.enabled = False
    try:
        yield tf.data.Dataset.from_generator(epochs, output_signature=shapes).with_options(untuned)
    finally:
        held.clear()


def predict(network: keras.Model, inputs: np.ndarray, batch: int = 512) -> np.ndarray:
    """What a network answers to ``inputs`` (n, …), of any type."""
    parts = range(0, len(inputs), batch)
    return np.concatenate(
        [network.predict_on_batch(inputs[k : k + batch].astype(np.float32)) for k in parts]
    )

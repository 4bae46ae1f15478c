import gc
import weakref

import keras
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kws.training.fit import ArrayBatches, fit, predict


def an_epoch(arrays: ArrayBatches) -> np.ndarray:
    """The targets of an epoch, which say which inputs belong to them."""
    targets = []
    for k in range(len(arrays)):
        (one, two), some = arrays[k]
        np.testing.assert_array_equal(one, some[:, 0])
        np.testing.assert_array_equal(two, -some[:, 0])
        targets.extend(some[:, 0])
    arrays.on_epoch_end()
    return np.array(targets)


@given(count=st.integers(1, 50), batch=st.integers(1, 20))
def test_every_epoch_has_all_examples_once_in_an_order_of_its_own(count, batch):
    numbers = np.arange(count)
    inputs, targets = (numbers, -numbers), numbers[:, None]
    straight = ArrayBatches(inputs, targets, batch)
    mixed, again = (ArrayBatches(inputs, targets, batch, seed=3) for _ in range(2))
    orders = []
    for _ in range(2):
        np.testing.assert_array_equal(an_epoch(straight), numbers)
        orders.append(an_epoch(mixed))
        np.testing.assert_array_equal(np.sort(orders[-1]), numbers)
        np.testing.assert_array_equal(an_epoch(again), orders[-1])
    if count > 20:
        assert not np.array_equal(*orders)


def test_a_network_learns_from_arrays_and_predicts_them():
    x = np.random.default_rng(1).normal(size=(300, 4))
    wanted = x @ np.float32([[1, 2], [0, 1], [3, 0], [0, 0]])
    network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    network.compile(keras.optimizers.Adam(0.05), "mse")
    fit(network, ArrayBatches(x, wanted, 32, seed=0), epochs=40)
    outputs = predict(network, x.astype(np.float16), x[:7])
    np.testing.assert_allclose(outputs[:300], wanted, atol=0.05)
    np.testing.assert_allclose(outputs[300:], outputs[:7], atol=0.01)
    np.testing.assert_allclose(outputs[:300], network.predict(x, verbose=0), atol=0.01)


def test_the_data_of_a_training_are_freed():
    """A study trains many networks, each on a gigabyte of clips."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    parts = [ArrayBatches(np.ones((4, 2)), np.ones((4, 1)), 2) for _ in range(2)]
    fit(model, *parts, epochs=2)
    left = [weakref.ref(part) for part in parts]
    del parts
    gc.collect()
    assert [part() for part in left] == [None, None]

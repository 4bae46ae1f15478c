"""The optimiser with another rate for generators, against plain AdamW."""

import keras
import numpy as np
import pytest

from kws.structured import ToeplitzLike
from kws.training.optimizer import StructuredAdamW, generators_of


def moves(optimizer_of) -> list[np.ndarray]:
    """How two steps move every weight of a small network."""
    keras.utils.set_random_seed(3)
    network = keras.Sequential(
        [keras.Input((8,)), ToeplitzLike(8, 2, activation="relu"), keras.layers.Dense(3)]
    )
    network.compile(optimizer_of(network), "mse")
    before = network.get_weights()
    rng = np.random.default_rng(0)
    for _ in range(2):
        network.train_on_batch(rng.normal(size=(16, 8)), rng.normal(size=(16, 3)))
    return [after - b for after, b in zip(network.get_weights(), before, strict=True)]


def test_only_generators_are_slower():
    plain = moves(lambda network: keras.optimizers.SGD(0.01))  # which weights there are
    still = moves(
        lambda network: StructuredAdamW(
            0.01, generators=generators_of(network), generator_rate=0.0, weight_decay=0.0
        )
    )
    assert [bool(np.any(move)) for move in plain] == [True] * len(plain)
    assert [bool(np.any(move)) for move in still] == [False, False, True, True, True]


def test_a_rate_of_one_is_adamw():
    own = moves(lambda network: StructuredAdamW(0.01, generators=generators_of(network)))
    for mine, theirs in zip(own, moves(lambda n: keras.optimizers.AdamW(0.01)), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_the_first_step_has_the_length_of_the_rate():
    def one_step(rate: float) -> np.ndarray:
        layer = ToeplitzLike(4, 1, use_bias=False)
        layer.build((None, 4))
        g = layer.trainable_weights[0]
        before = keras.ops.convert_to_numpy(g)
        optimizer = StructuredAdamW(0.1, generators=[g.path], generator_rate=rate, weight_decay=0.0)
        optimizer.apply([keras.ops.ones_like(g)], [g])
        return keras.ops.convert_to_numpy(g) - before

    # Adam's first step is the learning rate, whatever the gradient's size.
    np.testing.assert_allclose(one_step(1.0), -0.1, rtol=1e-4)
    np.testing.assert_allclose(one_step(0.25), -0.025, rtol=1e-4)


def test_a_saved_optimiser_keeps_its_state(tmp_path):
    network = keras.Sequential([keras.Input((4,)), ToeplitzLike(4, 1)])
    optimizer = StructuredAdamW(0.01, generators=generators_of(network), generator_rate=0.25)
    network.compile(optimizer, "mse")
    network.train_on_batch(np.ones((2, 4)), np.ones((2, 4)))
    network.save(tmp_path / "network.keras")
    again = keras.saving.load_model(tmp_path / "network.keras").optimizer
    assert again.generators == tuple(generators_of(network))
    assert again.generator_rate == pytest.approx(0.25)
    assert int(again.iterations) == 1

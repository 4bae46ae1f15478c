"""Compression of the dense layers of a trained model."""

import re

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws import structured
from kws.structured.compression import choose_ranks, compress, initialise_from
from kws.structured.projection import project
from kws.structured.registry import structured_layer
from tests.structured.backends import numpy


def nested_model():
    """Dense, 1×1 and wider convolutions, a shortcut, a nested model."""
    keras.utils.set_random_seed(0)
    inner_input = keras.Input((None, 12))
    inner = keras.Model(
        inner_input, keras.layers.Conv1D(12, 1, activation="relu", name="mix")(inner_input)
    )
    x = inputs = keras.Input((10, 8))
    x = keras.layers.Conv1D(12, 3, padding="same", name="wide")(x)
    x = keras.layers.Add()([x, inner(x)])
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Conv1D(12, 1, strides=2, name="strided")(x)
    x = keras.layers.GlobalAveragePooling1D()(x)
    x = keras.layers.Dense(16, activation="tanh", name="hidden")(x)
    return keras.Model(inputs, keras.layers.Dense(9, name="out", use_bias=False)(x))


def test_replaces_what_it_can_and_nothing_else():
    model = nested_model()
    x = np.random.default_rng(0).normal(size=(3, 10, 8)).astype("float32")
    before = numpy(model(x))
    result = compress(model, rank=2)
    assert {row.name for row in result.rows} == {"mix", "hidden", "out"}
    kinds = {layer.name: type(layer) for layer in result.model.layers}
    assert kinds["wide"] is kinds["strided"] is keras.layers.Conv1D
    assert kinds["hidden"] is kinds["out"] is structured.ToeplitzLike
    assert {row.rank for row in result.rows} == {2}
    assert result.bytes_after == 4 * result.model.count_params() < result.bytes_before
    np.testing.assert_array_equal(numpy(model(x)), before)  # the original is left alone
    after = numpy(result.model(x))
    assert after.shape == before.shape


def test_layers_of_one_name_get_their_own_projections():
    """Two nested models may name their layers alike. Rank 2 holds a Toeplitz matrix exactly."""
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input((16,))
    for name in ("first", "second"):
        nested = keras.Input((16,))
        dense = keras.layers.Dense(16, name="fc")
        model = keras.Model(nested, dense(nested), name=name)
        toeplitz = structured.Toeplitz(16)
        toeplitz.build((None, 16))
        dense.kernel.assign(numpy(toeplitz.matrix()).T)
        x = model(x)
    model = keras.Model(inputs, x)
    result = compress(model, rank=2)
    assert [row.name for row in result.rows] == ["fc", "fc"]
    features = np.random.default_rng(0).normal(size=(3, 16)).astype("float32")
    np.testing.assert_allclose(numpy(result.model(features)), numpy(model(features)), atol=1e-4)


def network(structure: str, rank: int = 8, units: int = 16):
    """Normalisation, two mixes of which one has a bias, and dense scores."""
    keras.utils.set_random_seed(rank)
    x = inputs = keras.Input((5, 16))
    if structure == "dense":
        x = keras.layers.Conv1D(units, 1, use_bias=False, activation="relu", name="mix0")(x)
    else:
        x = structured_layer(
            structure, 16, units, rank, use_bias=False, activation="relu", name="mix0"
        )(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = structured_layer(structure, units, units, rank, bias_initializer="ones", name="mix1")(x)
    x = keras.layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, keras.layers.Dense(3, name="scores")(x))


def test_a_network_begins_as_a_trained_one():
    """16 × 16 has displacement rank at most 16; of less, what begins is the projection."""
    dense = network("dense")
    x = np.random.default_rng(0).normal(size=(2, *dense.input_shape[1:])).astype("float32")
    full, low = network("toeplitz", 16), network("toeplitz", 3)
    initialise_from(full, dense)
    np.testing.assert_allclose(numpy(full(x)), numpy(dense(x)), rtol=1e-3, atol=1e-5)
    initialise_from(low, dense)
    for name in ("mix0", "mix1"):
        kernel = numpy(dense.get_layer(name).kernel)
        found = project(kernel.reshape(16, 16).T, 3, steps=40, tolerance=1e-3)
        np.testing.assert_allclose(numpy(low.get_layer(name).matrix()), found.matrix, atol=1e-6)
    np.testing.assert_array_equal(numpy(low.get_layer("mix1").bias), 1)
    for name in ("norm", "scores"):
        for ours, theirs in zip(
            low.get_layer(name).get_weights(), dense.get_layer(name).get_weights(), strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(("structure", "units"), [("hankel", 16), ("toeplitz", 24)])
def test_a_network_of_another_form_cannot_begin_so(structure, units):
    with pytest.raises(ValueError, match=r"layer 'mix0' (cannot|is not)"):
        initialise_from(network(structure, units=units), network("dense"))


def test_errors_are_those_of_the_matrices():
    model = keras.Sequential([keras.Input((24,)), keras.layers.Dense(20, name="a")])
    model.layers[0].bias.assign(np.arange(20.0))
    result = compress(model, rank=3)
    (row,) = result.rows
    new = result.model.layers[0]
    dense = numpy(model.layers[0].kernel).T
    error = np.linalg.norm(numpy(new.matrix()) - dense) / np.linalg.norm(dense)
    assert row.error == pytest.approx(error, abs=1e-5)
    np.testing.assert_array_equal(numpy(new.bias), np.arange(20.0))
    assert "20×24" in result.table()


def test_keeps_to_the_budget_and_fine_tuning_helps():
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(256, 16)).astype("float32")
    y = np.argmax(x @ rng.normal(size=(16, 4)), axis=1)
    model = keras.Sequential(
        [
            keras.Input((16,)),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(4),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss)
    model.fit(x, y, epochs=10, verbose=0)
    budget = 4 * model.count_params() // 3
    raw = compress(model, budget_bytes=budget)
    tuned = compress(model, budget_bytes=budget, data=(x, y), epochs=5, learning_rate=0.01)
    assert raw.bytes_after == tuned.bytes_after <= budget
    before, after = (float(numpy(loss(y, m.model(x)))) for m in (raw, tuned))
    assert after < before


@settings(max_examples=50, deadline=None, derandomize=True)
@given(seed=st.integers(0, 9999), budget=st.integers(0, 3000))
def test_chosen_ranks_fit_and_can_not_be_improved_by_one_step(seed, budget):
    rng = np.random.default_rng(seed)
    shapes = {f"layer{i}": tuple(rng.integers(4, 40, 2)) for i in range(3)}
    errors = {
        name: {r: 0.9**r for r in (1, 2, 4, 8) if 2 * r * max(shape) < shape[0] * shape[1]}
        for name, shape in shapes.items()
    }

    def size(name, r):
        units, inputs = shapes[name]
        return 2 * r * max(units, inputs) if r else units * inputs

    least = sum(min(size(n, r) for r in (None, *errors[n])) for n in shapes)
    if budget < least:
        with pytest.raises(ValueError, match="budget is too small"):
            choose_ranks(shapes, errors, budget)
        return
    chosen = choose_ranks(shapes, errors, budget)
    used = sum(size(name, r) for name, r in chosen.items())
    assert used <= budget
    for name, r in chosen.items():
        for other in (None, *errors[name]):
            better = errors[name].get(other, 0) < errors[name].get(r, 0)
            assert not (better and used - size(name, r) + size(name, other) <= budget)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(16)
        self.dense.build((None, 16))

    def call(self, x):
        return self.dense(x)


def test_refusals():
    model = nested_model()
    with pytest.raises(ValueError, match="either a rank or a budget"):
        compress(model)
    with pytest.raises(ValueError, match="either a rank or a budget"):
        compress(model, rank=1, budget_bytes=100)
    with pytest.raises(ValueError, match="at least 1"):
        compress(model, rank=0)
    with pytest.raises(ValueError, match="budget is too small") as refusal:
        compress(model, budget_bytes=10)
    missing = int(re.search(r"give ([\d,]+) bytes more", str(refusal.value))[1].replace(",", ""))
    assert compress(model, budget_bytes=10 + missing).bytes_after <= 10 + missing
    with pytest.raises(ValueError, match="needs a loss"):
        compress(model, rank=1, data=(np.zeros((1, 10, 8)), np.zeros(1)))
    with pytest.raises(ValueError, match="no dense layer"):
        compress(keras.Sequential([keras.Input((3,)), keras.layers.ReLU()]), rank=1)
    with pytest.raises(ValueError, match="only Sequential and Functional"):
        compress(Subclassed(), rank=1)

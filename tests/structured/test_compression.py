"""Compressing the dense layers of a model that exists."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws import networks, structured
from kws.networks.config import Network
from kws.structured.compression import choose_ranks, compress, initialise_from
from kws.training.compress import compress_file
from kws.utils.errors import KwsError
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
    assert result.bytes_after == 4 * result.model.count_params() < result.bytes_before
    np.testing.assert_array_equal(numpy(model(x)), before)  # the original is left alone
    after = numpy(result.model(x))
    assert after.shape == before.shape


def separable(structure: str, rank: int = 8, units: int = 16):
    net = Network(
        family="ds-cnn" if structure == "dense" else "separable",
        structure=structure,
        rank=rank,
        channels=units,
        blocks=2,
    )
    keras.utils.set_random_seed(rank)
    return networks.build(net, (98, 40), 3)


def test_a_network_begins_as_a_trained_one():
    """16 × 16 has displacement rank at most 16; of less, what begins is what is compressed."""
    dense = separable("dense")
    x = np.random.default_rng(0).normal(size=(2, *dense.input_shape[1:])).astype("float32")
    full, low = separable("toeplitz", 16), separable("toeplitz", 3)
    initialise_from(full, dense)
    np.testing.assert_allclose(numpy(full(x)), numpy(dense(x)), rtol=1e-3, atol=1e-5)
    initialise_from(low, dense)
    for name, row in ((row.name, row) for row in compress(dense, rank=3, steps=40).rows):
        if row.rank:
            matrix = numpy(dense.get_layer(name).kernel)[0, 0].T
            made = numpy(low.get_layer(name).matrix())
            error = np.linalg.norm(made - matrix) / np.linalg.norm(matrix)
            np.testing.assert_allclose(error, row.error, rtol=1e-4)


@pytest.mark.parametrize(("structure", "units"), [("hankel", 16), ("toeplitz", 24)])
def test_a_network_of_another_form_cannot_begin_so(structure, units):
    with pytest.raises(ValueError, match=r"layer .* (cannot|is not)"):
        initialise_from(separable(structure, units=units), separable("dense"))


def test_errors_are_those_of_the_matrices():
    model = keras.Sequential([keras.Input((24,)), keras.layers.Dense(20, name="a")])
    model.layers[0].bias.assign(np.arange(20.0))
    result = compress(model, rank=3)
    (row,) = result.rows
    new = result.model.layers[0]
    dense = numpy(model.layers[0].kernel).T
    error = np.linalg.norm(numpy(new.matrix()) - dense) / np.linalg.norm(dense)
    assert row.error == pytest.approx(error, abs=1e-5)
    assert row.error <= row.svd_error
    np.testing.assert_array_equal(numpy(new.bias), np.arange(20.0))
    assert "20×24" in result.table()


def test_a_toeplitz_matrix_survives_exactly():
    model = keras.Sequential([keras.Input((16,)), keras.layers.Dense(16, activation="relu")])
    rng = np.random.default_rng(0)
    toeplitz = structured.Toeplitz(16)
    toeplitz.build((None, 16))
    model.layers[0].kernel.assign(numpy(toeplitz.matrix()).T)
    x = rng.normal(size=(5, 16)).astype("float32")
    result = compress(model, rank=2)
    np.testing.assert_allclose(numpy(result.model(x)), numpy(model(x)), atol=1e-5)


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
    before, after = (float(loss(y, m.model(x))) for m in (raw, tuned))
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

    least = sum(min(size(n, r) for r in (0, *errors[n])) for n in shapes)
    if budget < least:
        with pytest.raises(ValueError, match="budget is too small"):
            choose_ranks(shapes, errors, budget)
        return
    chosen = choose_ranks(shapes, errors, budget)
    used = sum(size(name, r) for name, r in chosen.items())
    assert used <= budget
    for name, r in chosen.items():
        for other in (0, *errors[name]):
            better = errors[name].get(other, 0) < errors[name].get(r, 0)
            assert not (better and used - size(name, r) + size(name, other) <= budget)


def test_refusals(tmp_path):
    model = nested_model()
    with pytest.raises(ValueError, match="either a rank or a budget"):
        compress(model)
    with pytest.raises(ValueError, match="either a rank or a budget"):
        compress(model, rank=1, budget_bytes=100)
    with pytest.raises(ValueError, match="at least 1"):
        compress(model, rank=0)
    with pytest.raises(ValueError, match="budget is too small"):
        compress(model, budget_bytes=10)
    with pytest.raises(ValueError, match="needs a loss"):
        compress(model, rank=1, data=(np.zeros((1, 10, 8)), np.zeros(1)))
    with pytest.raises(ValueError, match="no dense layer"):
        compress(keras.Sequential([keras.Input((3,)), keras.layers.ReLU()]), rank=1)
    with pytest.raises(KwsError, match="no such file"):
        compress_file(tmp_path / "missing.keras", rank=1)
    (tmp_path / "broken.keras").write_bytes(b"nothing")
    with pytest.raises(KwsError, match="not a Keras model"):
        compress_file(tmp_path / "broken.keras", rank=1)
    with pytest.raises(KwsError, match=r"end in \.keras"):
        compress_file(tmp_path / "broken.keras", tmp_path / "out.txt", rank=1)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["broken.keras"]


def test_file_to_file(tmp_path):
    model = nested_model()
    model.save(tmp_path / "model.keras")
    lines = []
    result = compress_file(tmp_path / "model.keras", rank=2, report=lines.append)
    again = keras.models.load_model(tmp_path / "model.compressed.keras")
    x = np.random.default_rng(0).normal(size=(3, 10, 8)).astype("float32")
    np.testing.assert_allclose(numpy(again(x)), numpy(result.model(x)), atol=1e-6)
    assert "hidden" in lines[0]

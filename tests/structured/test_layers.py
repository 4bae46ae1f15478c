"""The same checks for every structured layer."""

import keras
import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

from kws import structured
from kws.structured import displacement
from tests.structured import reference
from tests.structured.backends import DOUBLE, assert_gradients, gradients, numpy, quick

RANKED = {
    "toeplitz_like": structured.ToeplitzLike,
    "hankel_like": structured.HankelLike,
    "toeplitz_hankel_like": structured.ToeplitzHankelLike,
    "vandermonde_like": structured.VandermondeLike,
    "cauchy_like": structured.CauchyLike,
    "learned_shift_like": structured.LearnedShiftLike,
}
LAYERS = {
    **{name: lambda u, cls=cls, **k: cls(u, **{"rank": 2, **k}) for name, cls in RANKED.items()},
    "low_rank": lambda u, **k: structured.LowRank(u, **{"rank": 2, **k}),
    "toeplitz": structured.Toeplitz,
    "circulant": structured.Circulant,
    "skew_circulant": structured.SkewCirculant,
    "hashed": lambda u, **k: structured.Hashed(u, buckets=7, **k),
    "random_edges": lambda u, **k: structured.RandomEdges(u, edges=u, **k),
    "fastfood": structured.Fastfood,
    "unstructured": structured.Unstructured,
}
FAST = [
    "toeplitz_like", "hankel_like", "toeplitz_hankel_like", "learned_shift_like",
    "vandermonde_like", "low_rank", "toeplitz", "circulant", "skew_circulant",
]  # fmt: skip
every_layer = pytest.mark.parametrize("name", LAYERS)
shapes = st.tuples(st.integers(1, 17), st.integers(1, 17))


def built(name, units, inputs, scatter=0.3, **arguments):
    """A float64 layer with every weight moved off its initial value."""
    layer = LAYERS[name](units, **DOUBLE, **arguments)
    layer.build((None, inputs))
    rng = np.random.default_rng(units * 100 + inputs)
    for weight in layer.trainable_weights:
        weight.assign(numpy(weight) + scatter * rng.normal(size=weight.shape))
    return layer


def use_fast(layer, fast: bool):
    layer.use_fast_product = lambda batch: fast
    return layer


def explicit(layer):
    """The matrix of a layer from its weights, by definition."""
    weights = {v.name: numpy(v) for v in layer.trainable_weights}
    n, crop = layer.n, (slice(layer.units), slice(layer.inputs))
    g, h = weights.get("g"), weights.get("h")
    match layer:
        case structured.LearnedShiftLike():
            d, e = np.exp(weights["log_d"]), np.exp(weights["log_e"])
            return (np.diag(d) @ reference.toeplitz_like(g, h) @ np.diag(e))[crop]
        case structured.ToeplitzLike():
            return reference.toeplitz_like(g, h)[crop]
        case structured.HankelLike():
            return (reference.toeplitz_like(g, h) @ np.eye(n)[::-1])[crop]
        case structured.ToeplitzHankelLike():
            terms = [
                reference.mirrored(a, 1) @ reference.mirrored(b, -1)
                for a, b in zip(g, h, strict=True)
            ]
            return sum(terms)[crop]
        case structured.VandermondeLike():
            v = layer.nodes()
            return reference.vandermonde_like(v, g, h)[crop]
        case structured.CauchyLike():
            s, t = layer.nodes()
            return (sum(np.outer(a, b) for a, b in zip(g, h, strict=True)) / (s[:, None] - t))[crop]
        case structured.LowRank():
            return g.T @ h
        case structured.Toeplitz():
            t, k = weights["diagonals"], layer.inputs - 1
            return scipy.linalg.toeplitz(t[k:], t[k::-1])
        case structured.Circulant():
            return scipy.linalg.circulant(g)[crop]
        case structured.SkewCirculant():
            return reference.skew_circulant(h)[crop]
        case structured.Fastfood():
            hadamard = scipy.linalg.hadamard(n) / np.sqrt(n)
            shuffle = np.eye(n)[layer.permutation]
            s, b = np.diag(weights["s"]), np.diag(weights["b"])
            return (s @ hadamard @ np.diag(g) @ shuffle @ hadamard @ b)[crop]
        case structured.Hashed():
            return (weights["w"][layer.place] * layer.sign).T
        case structured.RandomEdges():
            flat = np.zeros(layer.inputs * layer.units)
            flat[layer.place] = weights["w"]
            return flat.reshape(layer.inputs, layer.units).T
        case structured.Unstructured():
            return weights["w"].T


@every_layer
@quick
@given(shape=shapes, seed=st.integers(0, 99))
def test_is_the_product_with_its_explicit_matrix(name, shape, seed):
    inputs, units = shape
    layer = built(name, units, inputs)
    matrix = explicit(layer)
    x = np.random.default_rng(seed).normal(size=(2, 3, inputs))
    bias = numpy(layer.bias)
    np.testing.assert_allclose(numpy(layer.matrix()), matrix, rtol=0, atol=1e-10)
    np.testing.assert_allclose(numpy(layer(x)), x @ matrix.T + bias, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", FAST)
@quick
@given(shape=shapes, seed=st.integers(0, 99))
def test_fast_product_and_materialised_matrix_agree(name, shape, seed):
    inputs, units = shape
    layer = built(name, units, inputs)
    x = np.random.default_rng(seed).normal(size=(3, inputs))
    fast, slow = (numpy(use_fast(layer, which)(x)) for which in (True, False))
    np.testing.assert_allclose(fast, slow, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", FAST)
@pytest.mark.parametrize("n", [96, 97, 600])
def test_fast_product_and_materialised_matrix_agree_in_float32(name, n):
    layer = LAYERS[name](n)
    x = np.random.default_rng(n).normal(size=(4, n)).astype("float32")
    layer(x)
    fast, slow = (numpy(use_fast(layer, which)(x)) for which in (True, False))
    tolerance = 1e-4 if name == "vandermonde_like" else 1e-5  # angles times n lose digits
    assert np.abs(fast - slow).max() < tolerance * np.abs(slow).max()


@every_layer
@pytest.mark.parametrize(("inputs", "units"), [(5, 5), (8, 8), (4, 7), (7, 4)])
def test_gradient_equals_finite_differences(name, inputs, units):
    rng = np.random.default_rng(0)
    x, weight = rng.normal(size=(2, inputs)), rng.normal(size=(2, units))
    layer = built(name, units, inputs, activation="tanh")
    for fast in (False, True) if name in FAST else (layer.use_fast_product(2),):
        got = gradients(use_fast(layer, fast), x, weight)
        assert_gradients(layer, x, weight, got)


@pytest.mark.parametrize(("inputs", "units"), [(40, 40), (41, 41), (33, 50), (50, 17), (64, 64)])
def test_both_ways_to_materialise(inputs, units):
    layer = built("toeplitz_like", units, inputs, rank=3)  # large enough for the recurrence
    np.testing.assert_allclose(numpy(layer.matrix()), explicit(layer), rtol=0, atol=1e-9)
    rng = np.random.default_rng(0)
    x, weight = rng.normal(size=(2, inputs)), rng.normal(size=(2, units))
    by_matrix, by_fft = (gradients(use_fast(layer, f), x, weight) for f in (False, True))
    for a, b in zip(by_matrix, by_fft, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-9 * np.abs(b).max())


@pytest.mark.parametrize("name", RANKED)
@quick
@given(n=st.integers(1, 17), rank=st.integers(1, 4))
def test_displacement_rank_and_back(name, n, rank):
    layer = built(name, n, n, rank=rank)
    if layer.n != n:  # Vandermonde-like: an odd size is a corner of the next even one
        layer = built(name, n + 1, n + 1, rank=rank)
    matrix, operators = numpy(layer.matrix()), layer.operators()
    displaced = getattr(displacement, layer.displacement)(matrix, *operators)
    assert displacement.displacement_rank(displaced) <= rank
    g, h = displacement.generators(displaced, min(rank, layer.n))
    back = reference.undone(g @ h.T, layer.displacement, *operators)
    np.testing.assert_allclose(back, matrix, rtol=0, atol=1e-9 * max(1, np.abs(matrix).max()))


@every_layer
@pytest.mark.parametrize(("inputs", "units"), [(64, 64), (64, 24), (24, 64)])
def test_initialiser_keeps_the_variance(name, inputs, units):
    """For inputs of variance one an output's variance is the energy of its row of the matrix."""
    keras.utils.set_random_seed(1)
    energies = []
    for _ in range(12):
        layer = LAYERS[name](units)
        layer.build((None, inputs))
        energies.append(np.mean(np.sum(numpy(layer.matrix()) ** 2, axis=1)))
    assert 0.7 < np.mean(energies) < 1.4


@every_layer
def test_saves_and_reloads(name, tmp_path):
    model = keras.Sequential(
        [
            keras.Input((None, 12)),
            LAYERS[name](9, activation="relu", bias_regularizer="l2"),
            LAYERS[name](10, use_bias=False, generator_regularizer="l1"),
        ]
    )
    x = np.random.default_rng(0).normal(size=(2, 5, 12)).astype("float32")
    assert model.output_shape == (None, None, 10)
    assert len(model.losses) >= 2
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(numpy(again(x)), numpy(model(x)))
    assert again.layers[0].get_config() == model.layers[0].get_config()


@every_layer
def test_learns_under_compilation(name):
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(64, 8)).astype("float32")
    model = keras.Sequential([use_fast(LAYERS[name](8), name in FAST or name == "fastfood")])
    model.compile(keras.optimizers.Adam(0.05), "mse", jit_compile="auto")
    losses = [float(model.train_on_batch(x, x)) for _ in range(20)]
    assert losses[-1] < losses[0]


@every_layer
def test_a_seeded_initialiser_gives_different_weights(name):
    layer = LAYERS[name](6, generator_initializer=keras.initializers.RandomNormal(seed=1))
    layer.build((None, 6))
    weights = [numpy(v).ravel() for v in layer.trainable_weights if np.any(numpy(v))]
    for i, first in enumerate(weights):
        for second in weights[:i]:
            assert first.shape != second.shape or not np.allclose(first, second)


@every_layer
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "bfloat16"])
def test_mixed_precision(name, policy):
    x = np.random.default_rng(0).normal(size=(3, 20)).astype("float32")
    full, mixed = LAYERS[name](20), LAYERS[name](20, dtype=policy)
    full(x), mixed(x)
    for a, b in zip(mixed.weights, full.weights, strict=True):
        a.assign(b)
    assert keras.backend.standardize_dtype(mixed(x).dtype) == policy.removeprefix("mixed_")
    result = numpy(keras.ops.cast(mixed(x), "float32"))
    np.testing.assert_allclose(result, numpy(full(x)), rtol=0, atol=0.15)


@every_layer
@pytest.mark.parametrize("units", [0, -1, 2.5])
def test_refuses_impossible_sizes(name, units):
    with pytest.raises(ValueError, match="units must be a positive integer"):
        LAYERS[name](units)


def test_refuses_an_input_of_unknown_size():
    with pytest.raises(ValueError, match="last axis"):
        structured.ToeplitzLike(4).build((None, None))


def test_counts_of_parameters():
    counts = {}
    for name in LAYERS:
        layer = LAYERS[name](20, use_bias=False)
        layer.build((None, 30))
        counts[name] = layer.count_params()
    assert counts["toeplitz_like"] == counts["hankel_like"] == 2 * 2 * 30
    assert counts["low_rank"] == 2 * (20 + 30)
    assert counts["toeplitz"] == 20 + 30 - 1
    assert counts["circulant"] == counts["skew_circulant"] == 30
    assert (counts["hashed"], counts["random_edges"]) == (7, 20)
    assert (counts["fastfood"], counts["unstructured"]) == (3 * 32, 600)

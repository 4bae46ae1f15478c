"""The one gradient written by hand, that of materialising by the recurrence, by itself.

Float64, on whichever back end the tests run on, held to automatic differentiation of another
formula for the same matrix and to difference quotients of the matrix as it is defined.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from kws.structured import ToeplitzLike, products
from tests.structured import reference
from tests.structured.backends import DOUBLE, gradients, numpy, quick

sizes = st.integers(1, 41)


def layer_of(inputs, units, rank, form):
    """A layer that makes its matrix by ``form``, whatever its size."""
    layer = ToeplitzLike(units, rank=rank, use_bias=False, **DOUBLE)
    layer.build((None, inputs))
    rng = np.random.default_rng(0)
    for weight in layer.trainable_weights:
        weight.assign(rng.normal(size=weight.shape))
    layer.use_fast_product = lambda batch: False
    layer.matrix_transposed = lambda: form(layer.g, layer.h)[:inputs, :units]
    return layer


@pytest.mark.parametrize("rank", range(1, 9))
@quick
@given(inputs=sizes, units=sizes, seed=st.integers(0, 99))
def test_equals_automatic_differentiation_of_the_products(rank, inputs, units, seed):
    rng = np.random.default_rng(seed)
    x, weight = rng.normal(size=(3, inputs)), rng.normal(size=(3, units))
    own, plain = (
        gradients(layer_of(inputs, units, rank, form), x, weight)
        for form in (products._by_recurrence, products._by_products)
    )
    for a, b in zip(own, plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-10 * max(1, np.abs(b).max()))


@pytest.mark.parametrize(("inputs", "units", "rank"), [(7, 7, 1), (5, 9, 3), (33, 6, 2), (8, 8, 8)])
def test_equals_difference_quotients_of_the_definition(inputs, units, rank):
    layer = layer_of(inputs, units, rank, products._by_recurrence)
    g, h = (numpy(w) for w in layer.trainable_weights)
    rng = np.random.default_rng(1)
    x, weight = rng.normal(size=(3, inputs)), rng.normal(size=(3, units))

    def loss(g, h):
        return np.sum(x @ reference.toeplitz_like(g, h)[:units, :inputs].T * weight)

    # The matrix is linear in g and linear in h: with any step the central quotient is exact.
    _, by_g, by_h = gradients(layer, x, weight)
    for k in np.ndindex(g.shape):
        step = np.zeros_like(g)
        step[k] = 1
        assert by_g[k] == pytest.approx((loss(g + step, h) - loss(g - step, h)) / 2, abs=1e-9)
        assert by_h[k] == pytest.approx((loss(g, h + step) - loss(g, h - step)) / 2, abs=1e-9)


@pytest.mark.parametrize("n", [1, 2, 5, 6, 11])
def test_the_sum_along_diagonals_is_nearly_antisymmetric(n):
    """What the gradient rests on, ``Aᵀ = −A − I``, with A written out column by column."""
    units = np.eye(n * n).reshape(-1, n, n)
    columns = [numpy(products._sum_along_diagonals(ops.convert_to_tensor(u))) for u in units]
    a = np.stack(columns).reshape(n * n, n * n).T
    np.testing.assert_allclose(a.T, -a - np.eye(n * n), rtol=0, atol=1e-12)

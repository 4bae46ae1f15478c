"""Projection of a dense matrix onto a Toeplitz-like one, held to the layer's matrix."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws.structured import ToeplitzLike
from kws.structured.projection import project
from tests.structured.backends import DOUBLE, numpy


def layer_of(found, units: int, inputs: int) -> ToeplitzLike:
    layer = ToeplitzLike(units, rank=len(found.g), **DOUBLE)
    layer.build((None, inputs))
    layer.g.assign(found.g)
    layer.h.assign(found.h)
    return layer


@settings(max_examples=20, deadline=None, derandomize=True)
@given(units=st.integers(1, 14), inputs=st.integers(1, 14), seed=st.integers(0, 99))
def test_a_projection_is_the_layers_matrix_and_has_the_error_that_it_says(units, inputs, seed):
    matrix = np.random.default_rng(seed).normal(size=(units, inputs))
    n = max(units, inputs)
    found = project(matrix, max(1, n // 3), steps=5)
    made = numpy(layer_of(found, units, inputs).matrix())
    np.testing.assert_allclose(made, found.matrix, atol=1e-9)
    error = np.linalg.norm(made - matrix) / np.linalg.norm(matrix)
    assert found.error == pytest.approx(error, abs=1e-9)
    assert found.error <= found.svd_error
    assert project(matrix, n, steps=0).error < 1e-9


def test_refinement_reaches_a_stationary_point():
    """After many steps no small change of the generators lowers the error."""
    matrix = np.random.default_rng(3).normal(size=(9, 9))
    found = project(matrix, 2, steps=3000)
    layer = layer_of(found, 9, 9)
    rng = np.random.default_rng(0)
    for _ in range(20):
        step = 1e-3 * rng.normal(size=(2, *found.g.shape)) * np.abs(found.g).max()
        layer.g.assign(found.g + step[0])
        layer.h.assign(found.h + step[1])
        error = np.linalg.norm(numpy(layer.matrix()) - matrix) / np.linalg.norm(matrix)
        assert error > found.error - 1e-5

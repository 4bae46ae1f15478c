"""Displacement operators, the way back, and projection."""

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from kws import structured
from kws.structured import displacement, projection
from tests.structured import reference
from tests.structured.backends import DOUBLE, numpy

quick = settings(max_examples=20, deadline=None, derandomize=True)
FORMS = {
    "toeplitz": (projection.toeplitz_form, structured.ToeplitzLike),
    "hankel": (projection.hankel_form, structured.HankelLike),
    "toeplitz_hankel": (projection.toeplitz_hankel_form, structured.ToeplitzHankelLike),
    "cauchy": (lambda n: projection.cauchy_form(np.arange(n), np.arange(n) + 0.5),
               structured.CauchyLike),
}  # fmt: skip
every_form = pytest.mark.parametrize("name", FORMS)


@quick
@given(n=st.integers(1, 20), f=st.floats(-2, 2), seed=st.integers(0, 99))
def test_shift_moves_down_and_round(n, f, seed):
    v = np.random.default_rng(seed).normal(size=n)
    expected = np.concatenate([[f * v[-1]], v[:-1]])
    np.testing.assert_allclose(displacement.shift(n, f) @ v, expected, atol=1e-12)


@quick
@given(n=st.integers(1, 20), seed=st.integers(0, 99))
def test_sylvester_and_stein_tell_the_same(n, seed):
    matrix = np.random.default_rng(seed).normal(size=(n, n))
    a, b = displacement.toeplitz_operators(n)
    np.testing.assert_allclose(
        displacement.stein(matrix, np.linalg.inv(a), b),
        np.linalg.inv(a) @ displacement.sylvester(matrix, a, b),
        atol=1e-10,
    )


@quick
@given(n=st.integers(1, 20), seed=st.integers(0, 99), wrap=st.sampled_from([0.0, -1.0, 0.5]))
def test_both_ways_back(n, seed, wrap):
    matrix = np.random.default_rng(seed).normal(size=(n, n))
    a, b = displacement.shift(n, 1), displacement.shift(n, wrap)
    back = displacement.undo_stein(displacement.stein(matrix, a, b), a, b)
    np.testing.assert_allclose(back, matrix, atol=1e-9)
    back = displacement.undo_sylvester(displacement.sylvester(matrix, a, b), a, b)
    np.testing.assert_allclose(back, matrix, atol=1e-9)


@quick
@given(n=st.integers(1, 16), rank=st.integers(1, 4), seed=st.integers(0, 99))
def test_krylov_decomposition(n, rank, seed):
    """M = 1/(1 − ab) Σ K(A, g) K(Bᵀ, h)ᵀ, with the powers written out."""
    rng = np.random.default_rng(seed)
    g, h = rng.normal(size=(n, rank)), rng.normal(size=(n, rank))
    a, b = displacement.toeplitz_operators(n)
    krylov = sum(
        reference.krylov(a, g[:, i]) @ reference.krylov(b.T, h[:, i]).T for i in range(rank)
    )
    np.testing.assert_allclose(displacement.undo_stein(g @ h.T, a, b), krylov / 2, atol=1e-9)


def test_rotations_have_the_nodes_and_their_conjugates_as_eigenvalues():
    nodes = np.array([0.5 + 0.5j, -0.2 + 0.9j])
    values = np.linalg.eigvals(displacement.rotations(nodes))
    expected = np.concatenate([nodes, nodes.conj()])
    np.testing.assert_allclose(np.sort_complex(values), np.sort_complex(expected), atol=1e-12)


@every_form
@quick
@given(units=st.integers(1, 14), inputs=st.integers(1, 14), seed=st.integers(0, 99))
def test_projection_is_the_layers_matrix_and_reports_its_error(name, units, inputs, seed):
    form, family = FORMS[name]
    matrix = np.random.default_rng(seed).normal(size=(units, inputs))
    n = max(units, inputs)
    rank = max(1, n // 3)
    found = projection.project(matrix, form(n), rank, steps=5)
    layer = family(units, rank=rank, **DOUBLE)
    layer.build((None, inputs))
    layer.g.assign(found.g)
    layer.h.assign(found.h)
    np.testing.assert_allclose(numpy(layer.matrix()), found.matrix, atol=1e-9)
    error = np.linalg.norm(found.matrix - matrix) / np.linalg.norm(matrix)
    assert found.error == pytest.approx(error, abs=1e-9)
    assert found.error <= found.svd_error
    exact = projection.project(matrix, form(n), n, steps=0)
    assert exact.error < 1e-9


@every_form
def test_refinement_reaches_a_stationary_point(name):
    """After many steps no small change of the generators lowers the error."""
    form, family = FORMS[name]
    matrix = np.random.default_rng(3).normal(size=(9, 9))
    found = projection.project(matrix, form(9), 2, steps=3000)
    layer = family(9, rank=2, **DOUBLE)
    layer.build((None, 9))

    def error(g, h):
        layer.g.assign(g)
        layer.h.assign(h)
        return np.linalg.norm(numpy(layer.matrix()) - matrix) / np.linalg.norm(matrix)

    rng = np.random.default_rng(0)
    for _ in range(20):
        step = 1e-3 * rng.normal(size=(2, *found.g.shape)) * np.abs(found.g).max()
        assert error(found.g + step[0], found.h + step[1]) > found.error - 1e-5


def test_vandermonde_projection():
    nodes = np.exp(-0.05 + 1j * np.pi * (np.arange(6) + 0.5) / 6)
    matrix = np.random.default_rng(0).normal(size=(12, 12))
    errors = [projection.project_vandermonde(matrix, nodes, r) for r in (1, 4, 12)]
    assert all(p.error <= p.svd_error + 1e-12 for p in errors)
    assert errors[0].error > errors[1].error > errors[2].error
    assert errors[2].error < 1e-9
    for p in errors:
        expected = reference.vandermonde_like(nodes, p.g, p.h)
        np.testing.assert_allclose(p.matrix, expected, atol=1e-9)


@quick
@given(units=st.integers(1, 12), inputs=st.integers(1, 12), seed=st.integers(0, 99))
def test_mean_of_diagonals_is_the_nearest_toeplitz(units, inputs, seed):
    matrix = np.random.default_rng(seed).normal(size=(units, inputs))
    t = projection.mean_of_diagonals(matrix)
    nearest = scipy.linalg.toeplitz(t[inputs - 1 :], t[inputs - 1 :: -1])
    residual = matrix - nearest  # orthogonal to every Toeplitz matrix
    for k in range(1 - inputs, units):
        assert abs(np.sum(np.diagonal(residual, -k))) < 1e-9

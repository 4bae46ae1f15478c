"""Displacement operators."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kws.structured import displacement

quick = settings(max_examples=20, deadline=None, derandomize=True)


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


def test_vandermonde_operators_have_the_nodes_and_their_conjugates_as_eigenvalues():
    nodes = np.array([0.5 + 0.5j, -0.2 + 0.9j])
    values = np.linalg.eigvals(displacement.vandermonde_operators(nodes)[0])
    expected = np.concatenate([nodes, nodes.conj()])
    np.testing.assert_allclose(np.sort_complex(values), np.sort_complex(expected), atol=1e-12)


@quick
@given(n=st.integers(1, 20), rank=st.integers(1, 20), seed=st.integers(0, 99))
def test_generators_are_the_nearest_of_their_rank(n, rank, seed):
    """The error is what Eckart and Young say: the singular values that are left out."""
    displaced = np.random.default_rng(seed).normal(size=(n, n))
    g, h = displacement.generators(displaced, rank)
    left_out = np.linalg.svd(displaced, compute_uv=False)[rank:]
    np.testing.assert_allclose(
        np.linalg.norm(g @ h.T - displaced), np.linalg.norm(left_out), atol=1e-9
    )

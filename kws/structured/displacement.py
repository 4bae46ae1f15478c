"""Displacement of a matrix: operators, rank, generators, and the way back (NumPy, float64).

A matrix is structured when an operator of displacement maps it to a matrix of low rank:
Sylvester ``A M − M B`` or Stein ``M − A M B`` with simple fixed ``A`` and ``B``. The rank of the
result is the displacement rank, its factors ``G Hᵀ`` are the generators, and where the operator
is invertible they hold the whole matrix in 2rn numbers (Kailath, Kung and Morf 1979; section 2
of Sindhwani, Sainath and Kumar 2015).
"""

import numpy as np
import scipy.linalg

Operators = tuple[np.ndarray, np.ndarray]


def shift(n: int, f: float = 0.0) -> np.ndarray:
    """``Z_f``: moves entries down by one place, the last one to the top times ``f``."""
    z = np.eye(n, k=-1)
    z[0, -1] += f
    return z


def mirror_shift(n: int, first: float = 0.0, last: float = 0.0) -> np.ndarray:
    """``Z_0 + Z_0ᵀ`` with ``first`` and ``last`` in the two corners of the diagonal."""
    y = np.eye(n, k=-1) + np.eye(n, k=1)
    y[0, 0] += first
    y[-1, -1] += last
    return y


def diagonal(v) -> np.ndarray:
    """``diag(v)``."""
    return np.diag(np.asarray(v, float))


def rotations(nodes) -> np.ndarray:
    """``diag`` of complex nodes and their conjugates, as real 2×2 blocks: shape (2m, 2m)."""
    return scipy.linalg.block_diag(*([[v.real, -v.imag], [v.imag, v.real]] for v in nodes))


def toeplitz_operators(n: int) -> Operators:
    """``(Z_1, Z_{-1})``, Sylvester: Toeplitz matrices and their inverses have rank ≤ 2."""
    return shift(n, 1), shift(n, -1)


def hankel_operators(n: int) -> Operators:
    """``(Z_1, Z_{-1}ᵀ)``, Sylvester: Hankel matrices and their inverses have rank ≤ 2.

    The paper names ``(Z_1, Z_0ᵀ)``. With −1 in the corner the family is the mirror image of the
    Toeplitz-like one, so its theorems carry over and no triangular product is needed.
    """
    return shift(n, 1), shift(n, -1).T


def toeplitz_hankel_operators(n: int) -> Operators:
    """``Z_0 + Z_0ᵀ`` with corners (1, 1) and (1, −1), Sylvester: T + H has rank ≤ 4.

    Without the corners both operators are the same and the displacement cannot be undone. With
    them one is diagonalised by the DCT-II, the other by the DCT-IV, and no eigenvalue is shared.
    """
    return mirror_shift(n, 1, 1), mirror_shift(n, 1, -1)


def vandermonde_operators(nodes) -> Operators:
    """``(diag(nodes), Z_0ᵀ)``, Stein, for complex nodes with their conjugates as real blocks.

    In the Stein form nothing is divided by a node, so that nodes may come close to zero.
    """
    return rotations(nodes), shift(2 * len(nodes)).T


def cauchy_operators(s, t) -> Operators:
    """``(diag(s), diag(t))``, Sylvester; no value of ``s`` may occur in ``t``."""
    return diagonal(s), diagonal(t)


def sylvester(matrix, a, b) -> np.ndarray:
    """``A M − M B``."""
    return a @ matrix - matrix @ b


def stein(matrix, a, b) -> np.ndarray:
    """``M − A M B``."""
    return matrix - a @ matrix @ b


def displacement_rank(displaced, tolerance: float = 1e-9) -> int:
    """Number of singular values of a displaced matrix above ``tolerance`` times the largest."""
    values = np.linalg.svd(displaced, compute_uv=False)
    return int(np.sum(values > tolerance * values[0])) if values.size and values[0] > 0 else 0


def generators(displaced, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """Factors ``G`` (n, rank) and ``H`` (n, rank) of the best approximation ``G Hᵀ``.

    A truncated singular value decomposition, the singular values shared out evenly.
    """
    u, values, vt = np.linalg.svd(displaced)
    root = np.sqrt(values[:rank])
    return u[:, :rank] * root, vt[:rank].T * root


def undo_sylvester(displaced, a, b) -> np.ndarray:
    """The matrix with ``A M − M B = displaced``; A and B may share no eigenvalue."""
    return scipy.linalg.solve_sylvester(a, -np.asarray(b), displaced)


def undo_stein(displaced, a, b) -> np.ndarray:
    """The matrix with ``M − A M B = displaced``, where ``Aⁿ = aI`` and ``Bⁿ = bI``, ab ≠ 1.

    The Krylov decomposition of the paper: ``Σ_{k<n} Aᵏ D Bᵏ = M − Aⁿ M Bⁿ = (1 − ab) M``. One
    nilpotent operator is enough: then the last term vanishes whatever the other is.
    """
    n = len(displaced)
    total = np.zeros_like(displaced)
    for _ in range(n):  # Horner: D + A (D + A (…) B) B
        total = displaced + a @ total @ b
    wrapped_a, wrapped_b = np.linalg.matrix_power(a, n), np.linalg.matrix_power(b, n)
    return total / (1 - wrapped_a[0, 0] * wrapped_b[0, 0])

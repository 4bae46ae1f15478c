"""Displacement of a matrix: operators, rank and generators (NumPy, float64).

A matrix is structured when an operator of displacement maps it to a matrix of low rank:
Sylvester ``A M − M B`` or Stein ``M − A M B`` with simple fixed ``A`` and ``B``. The rank of the
result is the displacement rank, its factors ``G Hᵀ`` are the generators. Where the operator is
invertible they hold the whole matrix in 2rn numbers (Kailath, Kung and Morf 1979; section 2 of
Sindhwani, Sainath and Kumar 2015). All operators have the shape (n, n).
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
    """``(diag(nodes), Z_0ᵀ)``, Stein, for n/2 complex nodes; n rows as the layer has them.

    A node and its conjugate are a real 2×2 block. In the Stein form nothing is divided by a node,
    so that nodes may come close to zero.
    """
    blocks = ([[v.real, -v.imag], [v.imag, v.real]] for v in nodes)
    return scipy.linalg.block_diag(*blocks), shift(2 * len(nodes)).T


def cauchy_operators(s, t) -> Operators:
    """``(diag(s), diag(t))``, Sylvester; no value of ``s`` may occur in ``t``."""
    return np.diag(s), np.diag(t)


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
    """Factors ``G`` and ``H``, both (n, rank), of the best approximation ``G Hᵀ``.

    A truncated singular value decomposition; both factors get the roots of the singular values.
    """
    u, values, vt = np.linalg.svd(displaced)
    root = np.sqrt(values[:rank])
    return u[:, :rank] * root, vt[:rank].T * root

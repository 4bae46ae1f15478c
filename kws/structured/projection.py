"""The nearest Toeplitz-like matrix to a given dense one (NumPy, float64).

A Toeplitz-like matrix has the form ``M = Uᴴ (K ∘ Σᵢ aᵢ bᵢᵀ) V``. U is the unitary FFT, V is the
same after a twist by powers of ``η = e^{iπ/n}``: they diagonalise ``Z_1`` and ``Z_{-1}``. The
kernel is ``K = U Vᴴ``. The entries of a and b are the spectra of the generators.

In the displacement of M the kernel vanishes. What remains has rank r, and its best approximation
is a truncated singular value decomposition. That is not yet the best approximation of M, where K
weighs the entries. But for a given b the best a is one small least-squares problem for each row,
and for a given a the best b is one for each column. The refinement alternates between the two.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft

from kws.structured import displacement


@dataclass(frozen=True)
class Projection:
    """A Toeplitz-like matrix near to a dense one.

    ``g`` and ``h`` are the weights of a ``ToeplitzLike`` layer, (rank, n); ``matrix`` (units,
    inputs) is what they generate. The errors are ``‖matrix − W‖ / ‖W‖`` in the Frobenius norm:
    ``svd_error`` after the truncated decomposition of the displacement, ``error`` at the end.
    """

    g: np.ndarray
    h: np.ndarray
    matrix: np.ndarray
    svd_error: float
    error: float


def project(matrix, rank: int, steps: int = 20, tolerance: float = 1e-6) -> Projection:
    """Project ``matrix`` (units, inputs) onto displacement rank ≤ ``rank``.

    Args:
        steps: alternating least-squares steps after the singular value decomposition, at most.
        tolerance: the steps end when one lowers the error by less than this part of it.

    A rectangular matrix is the corner of a square one, whose other entries do not matter. They
    start at zero, and each step takes them from the last approximation. So the steps minimise the
    error of the corner.
    """
    matrix = np.asarray(matrix, float)
    units, inputs = matrix.shape
    n = max(units, inputs)
    square = np.zeros((n, n))
    square[:units, :inputs] = matrix
    scale = np.linalg.norm(matrix) or 1.0
    kernel = _analyse(np.eye(n))

    def approximation(a, b):
        return _synthesise(kernel * (a @ b.T))

    def error(m):
        return float(np.linalg.norm(m[:units, :inputs] - matrix) / scale)

    a, b = _truncated(square, kernel, rank)
    current = approximation(a, b)
    svd_error = best_error = error(current)
    best = a, b, current
    for _ in range(steps):
        if best_error < 1e-12:
            break
        square = current.copy()
        square[:units, :inputs] = matrix
        target = _analyse(square)
        a = _best_rows(kernel, target, b)
        b = _best_rows(kernel.T, target.T, a)
        current = approximation(a, b)
        gain = best_error - error(current)
        if gain > 0:
            best_error, best = error(current), (a, b, current)
        if gain < tolerance * best_error:
            break
    a, b, current = best
    g, h = scipy.fft.ifft(a, axis=0), scipy.fft.ifft(b, axis=0) / _twist(n)
    return Projection(g.T.real, h.T.real, current[:units, :inputs], svd_error, best_error)


def _truncated(square, kernel, rank: int):
    """Spectra of the best approximation of the displacement, each of shape (n, rank)."""
    k = np.arange(len(square))
    ones = np.exp(-2j * np.pi * k / len(k))  # eigenvalues of Z_1, then of Z_{-1}
    gap = ones[:, None] - np.exp(-1j * np.pi * (2 * k - 1) / len(k))
    g, h = displacement.generators(_synthesise(_analyse(square) * gap), rank)
    # K comes from the identity, whose displacement is 2 e₀ eₙ₋₁ᵀ. Its factors are divided out.
    identity = _synthesise(kernel * gap)
    p, q = identity[:, -1:], identity[0, :, None] / identity[0, -1]
    return _fft(g) / _fft(p), _inverse_fft(h / _twist(len(k))) / _inverse_fft(q / _twist(len(k)))


def _best_rows(kernel, target, b):
    """The a that minimises ‖K ∘ (a bᵀ) − target‖ for fixed b: one r×r system for each row."""
    rank = b.shape[1]
    pairs = (b.conj()[:, :, None] * b[:, None, :]).reshape(len(b), rank * rank)
    normal = ((np.abs(kernel) ** 2) @ pairs).reshape(-1, rank, rank)
    right = (kernel.conj() * target) @ b.conj()
    ridge = 1e-13 * np.trace(normal, axis1=1, axis2=2).real[:, None, None] + 1e-300
    return np.linalg.solve(normal + ridge * np.eye(rank), right[..., None])[..., 0]


def _analyse(matrix):
    """``U M Vᴴ``: the spectra of columns and of twisted rows, (n, n)."""
    return _inverse_fft(_fft(matrix).T / _twist(len(matrix))).T


def _synthesise(spectral):
    """``Uᴴ M V``, the inverse of ``_analyse``, real."""
    return (_fft(_inverse_fft(spectral).T) * _twist(len(spectral))).T.real


def _twist(n: int) -> np.ndarray:
    """Powers of ``η``, (n, 1)."""
    return np.exp(1j * np.pi * np.arange(n) / n)[:, None]


def _fft(x):
    return scipy.fft.fft(x, axis=0, norm="ortho")


def _inverse_fft(x):
    return scipy.fft.ifft(x, axis=0, norm="ortho")

"""The nearest structured matrix to a given dense one (NumPy, float64).

Three families have one form: ``M = Uᴴ (K ∘ Σᵢ aᵢ bᵢᵀ) V`` with unitary U, V and a fixed kernel K.
U and V diagonalise the operators of displacement, K is what the identity becomes, and the
entries of a and b are the spectra of the generators. Under the displacement, K drops out: what
remains is a matrix of rank r, and a truncated singular value decomposition approximates *it*
best. For the matrix itself K is a weight. Given b the best a then is one small least-squares
problem for each row, given a the best b one for each column: alternating between the two is the
refinement, and no step can make the Frobenius error worse.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import scipy.fft
import scipy.linalg

from kws.structured import displacement


@dataclass(frozen=True)
class Projection:
    """A matrix of displacement rank ≤ r near to a dense one.

    ``g`` and ``h`` are the layer's weights, (rank, n); ``matrix`` (units, inputs) is what they
    generate. ``svd_error`` is the relative Frobenius error after the truncated singular value
    decomposition of the displacement, ``error`` the one after refinement, ‖M − W‖ / ‖W‖.
    """

    g: np.ndarray
    h: np.ndarray
    matrix: np.ndarray
    svd_error: float
    error: float


Transform = tuple[Callable, Callable]  # a unitary map of the columns, and its inverse


@dataclass(frozen=True)
class SpectralForm:
    """One family in the form above, for n×n matrices."""

    u: Transform
    v: Transform  # of the complex conjugate of V, since a row of M is multiplied by Vᴴ
    left: np.ndarray  # eigenvalues of the operator A
    right: np.ndarray  # eigenvalues of the operator B
    generators: Callable  # spectra a, b, both (n, r), to the layer's g, h, both (r, n)
    kernel: np.ndarray  # K

    def analyse(self, matrix) -> np.ndarray:
        """``U M Vᴴ``."""
        return self.v[0](self.u[0](matrix).T).T

    def synthesise(self, spectral) -> np.ndarray:
        """``Uᴴ M V``, real."""
        return self.v[1](self.u[1](spectral).T).T.real


def toeplitz_form(n: int) -> SpectralForm:
    """Toeplitz-like: U is the FFT, V the FFT after a twist by powers of η = e^{iπ/n}."""
    k = np.arange(n)
    eta = np.exp(1j * np.pi * k / n)[:, None]
    u = (lambda x: scipy.fft.fft(x, axis=0, norm="ortho")), _inverse_fft
    v = (lambda x: _inverse_fft(x / eta)), (lambda x: u[0](x) * eta)

    def generators(a, b):
        return scipy.fft.ifft(a, axis=0).T.real, (scipy.fft.ifft(b, axis=0) / eta).T.real

    left = np.exp(-2j * np.pi * k / n)
    right = np.exp(-1j * np.pi * (2 * k - 1) / n)
    return SpectralForm(u, v, left, right, generators, v[0](u[0](np.eye(n)).T).T)


def hankel_form(n: int) -> SpectralForm:
    """Hankel-like: the Toeplitz-like form with the columns in reverse."""
    form = toeplitz_form(n)
    v = (lambda x: form.v[0](x[::-1])), (lambda x: form.v[1](x)[::-1])
    return replace(form, v=v)


def toeplitz_hankel_form(n: int) -> SpectralForm:
    """Toeplitz+Hankel-like: U is the DCT-II, V the DCT-IV."""
    k = np.arange(n)
    u, v = (
        (
            partial(scipy.fft.dct, type=kind, axis=0, norm="ortho"),
            partial(scipy.fft.idct, type=kind, axis=0, norm="ortho"),
        )
        for kind in (2, 4)
    )

    def generators(a, b):
        # The spectrum of t_0 … t_n at n + 1 points is a DCT-I; t_n = 0 fixes its last value.
        sign = (-1.0) ** k
        last = -((-1.0) ** n) * (2 * sign @ a - a[0])
        g = scipy.fft.idct(np.vstack([a, last]), type=1, axis=0)[:n]
        return g.T, scipy.fft.idct(b, type=3, axis=0).T

    left = 2 * np.cos(np.pi * k / n)
    right = 2 * np.cos(np.pi * (k + 0.5) / n)
    return SpectralForm(u, v, left, right, generators, v[0](u[0](np.eye(n)).T).T)


def cauchy_form(s: np.ndarray, t: np.ndarray) -> SpectralForm:
    """Cauchy-like with given nodes: ``U = V = I`` and ``K = 1/(s − t)``."""
    unchanged = (lambda x: x), (lambda x: x)
    return SpectralForm(unchanged, unchanged, s, t, lambda a, b: (a.T, b.T), 1 / (s[:, None] - t))


def _inverse_fft(x):
    return scipy.fft.ifft(x, axis=0, norm="ortho")


def project(
    matrix, form: SpectralForm, rank: int, steps: int = 20, tolerance: float = 1e-6
) -> Projection:
    """Project ``matrix`` (units, inputs) onto displacement rank ≤ ``rank``.

    Args:
        form: the family, for n = max(units, inputs).
        steps: alternating least-squares steps after the singular value decomposition. They
            stop early when one gains less than ``tolerance`` of the error.

    A rectangular matrix is the corner of a square one whose other entries don't matter. They
    start at zero, and each step takes them from the last approximation, so that what the steps
    minimise is the error of the corner.
    """
    matrix = np.asarray(matrix, float)
    n = len(form.kernel)
    units, inputs = matrix.shape
    square = np.zeros((n, n))
    square[:units, :inputs] = matrix
    scale = np.linalg.norm(matrix) or 1.0

    def approximation(a, b):
        return form.synthesise(form.kernel * (a @ b.T))

    def error(m):
        return float(np.linalg.norm(m[:units, :inputs] - matrix) / scale)

    a, b = _truncated(form, square, rank)
    current = approximation(a, b)
    svd_error = best_error = error(current)
    best = a, b, current
    for _ in range(steps):
        if best_error < 1e-12:
            break
        square = current.copy()
        square[:units, :inputs] = matrix
        target = form.analyse(square)
        a = _best_rows(form.kernel, target, b)
        b = _best_rows(form.kernel.T, target.T, a)
        current = approximation(a, b)
        gain = best_error - error(current)
        if gain > 0:
            best_error, best = error(current), (a, b, current)
        if gain < tolerance * best_error:
            break
    a, b, current = best
    g, h = form.generators(a, b)
    return Projection(g, h, current[:units, :inputs], svd_error, best_error)


def _truncated(form: SpectralForm, square, rank):
    """Spectra of the best approximation of the displacement, each of shape (n, rank)."""
    gap = form.left[:, None] - form.right
    g, h = displacement.generators(form.synthesise(form.analyse(square) * gap), rank)
    # The kernel has displacement rank one, and its generators are divided out again.
    one = form.synthesise(form.kernel * gap)
    row, column = np.unravel_index(np.argmax(np.abs(one)), one.shape)
    p, q = one[:, column, None], one[row, :, None] / one[row, column]
    return form.u[0](g) / form.u[0](p), form.v[0](h) / form.v[0](q)


def _best_rows(kernel, target, b):
    """The a that minimises ‖K ∘ (a bᵀ) − target‖ for fixed b: one r×r system for each row."""
    rank = b.shape[1]
    pairs = (b.conj()[:, :, None] * b[:, None, :]).reshape(len(b), rank * rank)
    normal = ((np.abs(kernel) ** 2) @ pairs).reshape(-1, rank, rank)
    right = (kernel.conj() * target) @ b.conj()
    ridge = 1e-13 * np.trace(normal, axis1=1, axis2=2).real[:, None, None] + 1e-300
    return np.linalg.solve(normal + ridge * np.eye(rank), right[..., None])[..., 0]


def project_vandermonde(matrix, nodes, rank: int) -> Projection:
    """Project onto the Vandermonde-like family of given complex ``nodes`` (n/2,).

    Given h, the best g is one complex least-squares problem for each node; one such step is the
    refinement. The best h for given g couples all entries and is left out.
    """
    matrix = np.asarray(matrix, float)
    units, inputs = matrix.shape
    n = 2 * len(nodes)
    square = np.zeros((n, n))
    square[:units, :inputs] = matrix
    scale = np.linalg.norm(matrix) or 1.0
    operators = displacement.vandermonde_operators(nodes)
    g, h = (m.T for m in displacement.generators(displacement.stein(square, *operators), rank))
    powers = nodes[:, None] ** np.arange(n)
    # basis[j, i, k] = Σ_{m≤k} vⱼ^{k−m} hᵢ[m]
    lower = np.stack([scipy.linalg.toeplitz(hi, np.zeros(n)) for hi in h])
    basis = np.einsum("jp,ikp->jik", powers, lower)[..., :inputs]

    def approximation(g):
        rows = np.einsum("ij,jik->jk", g[:, 0::2] + 1j * g[:, 1::2], basis)
        return np.stack([rows.real, rows.imag], axis=1).reshape(n, inputs)[:units]

    svd_error = float(np.linalg.norm(approximation(g) - matrix) / scale)
    refined = np.array(g)
    for j in range(units // 2):  # an unpaired last row keeps what it has
        row = square[2 * j, :inputs] + 1j * square[2 * j + 1, :inputs]
        factor = np.linalg.lstsq(basis[j].T, row, rcond=None)[0]
        refined[:, 2 * j], refined[:, 2 * j + 1] = factor.real, factor.imag
    error = float(np.linalg.norm(approximation(refined) - matrix) / scale)
    return Projection(refined, h, approximation(refined), svd_error, error)


def mean_of_diagonals(matrix) -> np.ndarray:
    """The nearest Toeplitz matrix's diagonals, (units + inputs − 1,), bottom left last."""
    units, inputs = matrix.shape
    return np.array([np.mean(np.diagonal(matrix, -k)) for k in range(1 - inputs, units)])

"""Layers with learned nodes: Vandermonde-like and Cauchy-like matrices.

Families of section 2 of Sindhwani, Sainath and Kumar (NIPS 2015). Both are parametrised so that no
gradient step can make an entry explode.
"""

import keras
import numpy as np
from keras import ops

from kws.structured import displacement, products
from kws.structured.base import LowDisplacementRank

_REACH = 0.2  # how far a Cauchy node may move; two nodes stay 1/2 − 2·0.2 = 0.1 apart


@keras.saving.register_keras_serializable(package="kws")
class VandermondeLike(LowDisplacementRank):
    """``M = Σᵢ diag(gᵢ) V L(hᵢ)ᵀ`` with ``V[a, k] = vₐᵏ`` and L lower triangular Toeplitz.

    The nodes are complex, ``v = exp(−exp(decay) + i·angle)``, each with its conjugate. Real and
    imaginary parts are neighbouring rows, so that all numbers are real, and a pair of entries of
    ``g`` is one complex factor. n is rounded up to an even number.

    Powers of a node outside the unit disc grow without bound; in this form no gradient step leaves
    the disc (the parametrisation of the linear recurrent unit, Orvieto et al. 2023). Real nodes
    would stay in the disc too, but their powers decay and the rows become nearly dependent. The
    nodes start near the roots of zⁿ = −1, where V is close to orthogonal.

    Weights: ``g``, ``h`` (rank, n), ``decay`` (n/2,), ``angle`` (n/2,), ``bias`` (units,) or None.
    V itself is always materialised: evaluation at free nodes in O(n log² n) loses too many digits.
    """

    displacement = "stein"

    def padded_size(self, n):
        return n + n % 2

    def build_generators(self):
        pairs = self.n // 2
        first_decay = np.full(pairs, np.log(0.5 / self.n))
        first_angle = np.pi * (np.arange(pairs) + 0.5) / pairs
        self._first_nodes = np.exp(-np.exp(first_decay) + 1j * first_angle)
        self.decay, self.angle = (
            self.add_weight(
                name=name,
                shape=(pairs,),
                initializer=keras.initializers.Constant(first),
                autocast=False,
            )
            for name, first in (("decay", first_decay), ("angle", first_angle))
        )
        super().build_generators()

    def terms(self):
        # Entry k of a row sums |v|²ᵖ for p ≤ k.
        energy = np.abs(self._first_nodes[:, None]) ** (2 * np.arange(self.inputs))
        return _row_energy(np.sqrt(np.cumsum(energy, axis=1)))

    def nodes(self) -> np.ndarray:
        """The complex nodes in the upper half plane, NumPy, shape (n/2,)."""
        decay, angle = (ops.convert_to_numpy(w).astype(float) for w in (self.decay, self.angle))
        return np.exp(-np.exp(decay) + 1j * angle)

    def operators(self):
        return displacement.vandermonde_operators(self.nodes())

    def matrix_transposed(self):
        v = self._powers()
        pairs = ops.reshape(products.full_precision(self.g), (self.rank, self.n // 2, 2, 1))
        rows = ops.stack(products.multiply(v, (pairs[:, :, 0], pairs[:, :, 1])), axis=2)
        rows = ops.reshape(rows, (self.rank, self.n, self.n))[:, : self.units]
        h = products.full_precision(ops.concatenate([self.h, 0 * self.h], axis=-1))
        upper = products.shifted_rows(h, self.n)[..., : self.inputs]  # L(h)ᵀ
        return ops.einsum("rap,rpk->ka", rows, upper)

    def use_fast_product(self, batch):
        # O(batch·rank·n²) against O(rank·n³ + batch·n²).
        return batch * self.rank < self.rank * self.n + batch

    def fast_product(self, x):
        # L(h)ᵀ x is a correlation: the transpose of a circulant has the conjugate spectrum.
        x, h = (
            ops.rfft(products.full_precision(ops.concatenate([m, 0 * m], -1)))
            for m in (x[:, None], self.h)
        )
        spectrum = products.multiply(x, (h[0], -h[1]))
        u = ops.irfft(spectrum, 2 * self.n)[..., : self.n]
        real, imag = (ops.einsum("brk,jk->brj", u, part) for part in self._powers())
        pairs = ops.reshape(products.full_precision(self.g), (self.rank, self.n // 2, 2))
        rows = products.multiply((real, imag), (pairs[..., 0], pairs[..., 1]))
        return ops.reshape(ops.sum(ops.stack(rows, axis=-1), axis=1), (-1, self.n))

    def _powers(self):
        """Powers 0 … n − 1 of the nodes, a pair of (n/2, n)."""
        decay, angle = (products.full_precision(w)[:, None] for w in (self.decay, self.angle))
        powers = ops.convert_to_tensor(np.arange(self.n), decay.dtype)
        size, angle = ops.exp(-ops.exp(decay) * powers), angle * powers
        return size * ops.cos(angle), size * ops.sin(angle)


@keras.saving.register_keras_serializable(package="kws")
class CauchyLike(LowDisplacementRank):
    """``M[a, b] = Σᵢ gᵢ[a] hᵢ[b] / (s[a] − t[b])``.

    The nodes are ``s[a] = a + 0.2 tanh(move_s[a])`` and ``t[b] = b + ½ + 0.2 tanh(move_t[b])``.

    An entry explodes where an s meets a t; here they stay at least 0.1 apart after any gradient
    step. At the start the interleaved nodes make 1/(s − t) the discrete Hilbert transform, which
    is orthogonal up to a factor. Nodes drawn at random would make it close to singular.

    Weights: ``g``, ``h`` (rank, n), ``move_s``, ``move_t`` (n,), ``bias`` (units,) or None.
    There is no fast product: it would need a fast multipole method.
    """

    def build_generators(self):
        self.move_s, self.move_t = (
            self.add_weight(name=name, shape=(self.n,), initializer="zeros", autocast=False)
            for name in ("move_s", "move_t")
        )
        super().build_generators()

    def terms(self):
        a, b = np.arange(self.n), np.arange(self.inputs) + 0.5
        return _row_energy(1 / (a[:, None] - b))

    def nodes(self) -> tuple[np.ndarray, np.ndarray]:
        """``s`` and ``t``, NumPy, shape (n,) each."""
        moves = (ops.convert_to_numpy(w).astype(float) for w in (self.move_s, self.move_t))
        move_s, move_t = (_REACH * np.tanh(move) for move in moves)
        return np.arange(self.n) + move_s, np.arange(self.n) + 0.5 + move_t

    def operators(self):
        return displacement.cauchy_operators(*self.nodes())

    def matrix_transposed(self):
        # The grid is subtracted first: a, b up to n in low precision would drown the moves.
        grid = np.arange(self.n) - (np.arange(self.n) + 0.5)[:, None]
        grid = ops.convert_to_tensor(grid[: self.inputs, : self.units], self.move_s.dtype)
        move_s, move_t = self.move_s[: self.units], self.move_t[: self.inputs, None]
        # tanh y = 2 sigmoid(2y) − 1; on JAX, Keras computes tanh itself in float32 only.
        moves = 2 * (ops.sigmoid(2 * move_s) - ops.sigmoid(2 * move_t))
        product = ops.matmul(ops.transpose(self.h[:, : self.inputs]), self.g[:, : self.units])
        return product / (grid + _REACH * moves)


def _row_energy(matrix: np.ndarray) -> float:
    """Mean over the rows of the sum of squares."""
    return float(np.mean(np.sum(np.abs(matrix) ** 2, axis=1)))

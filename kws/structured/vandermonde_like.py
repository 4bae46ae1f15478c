"""The Vandermonde-like transform."""

import keras
import numpy as np
from keras import ops

from kws.structured import displacement, products
from kws.structured.generators import LowDisplacementRank, row_energy


@keras.saving.register_keras_serializable(package="kws")
class VandermondeLike(LowDisplacementRank):
    """``M = Σᵢ diag(gᵢ) V L(hᵢ)ᵀ`` with ``V[a, k] = vₐᵏ`` and L lower triangular Toeplitz.

    The nodes are complex, ``v = exp(−exp(decay) + i·angle)``, each with its conjugate, and the
    real and imaginary parts are neighbouring rows, so that all numbers are real; a pair of
    entries of ``g`` is one complex factor. n is rounded up to an even number.

    Why so: powers of a node outside the unit disc grow without bound, and this form can't leave
    it, whatever a gradient step does (the parametrisation of the linear recurrent unit, Orvieto
    et al. 2023). Real nodes would stay in the disc too, but their powers decay: the rows become
    nearly dependent. The nodes start near the roots of zⁿ = −1, where V is close to orthogonal.

    Weights: ``g``, ``h`` (rank, n), ``decay`` (n/2,), ``angle`` (n/2,), ``bias`` (units,) or None.
    V itself is always materialised: evaluation at free nodes in O(n log² n) rounds poorly.
    """

    displacement = "stein"

    def padded_size(self, n):
        return n + n % 2

    def build_generators(self):
        pairs = self.n // 2
        first_decay = np.full(pairs, np.log(0.5 / self.n))
        first_angle = np.pi * (np.arange(pairs) + 0.5) / pairs
        self._first_nodes = np.exp(-np.exp(first_decay) + 1j * first_angle)
        self.decay = self.add_weight(
            name="decay", shape=(pairs,), initializer=_constant(first_decay), autocast=False
        )
        self.angle = self.add_weight(
            name="angle", shape=(pairs,), initializer=_constant(first_angle), autocast=False
        )
        super().build_generators()

    def terms(self):
        # Entry k of a row sums |v|²ᵖ for p ≤ k.
        energy = np.abs(self._first_nodes[:, None]) ** (2 * np.arange(self.inputs))
        return row_energy(np.sqrt(np.cumsum(energy, axis=1)))

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
            products.circulant_spectrum(products.full_precision(ops.concatenate([m, 0 * m], -1)))
            for m in (x, self.h)
        )
        spectrum = products.multiply(products.expand(x, 1), (h[0], -h[1]))
        u = products.from_circulant_spectrum(spectrum, 2 * self.n)[..., : self.n]
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


def _constant(values: np.ndarray):
    return lambda shape, dtype: ops.convert_to_tensor(values, dtype)

"""Layers made of circulant and skew-circulant matrices, with FFT products.

The Toeplitz-like transform of Sindhwani, Sainath and Kumar (NIPS 2015, sections 2 and 3); its
relatives for Hankel matrices, for sums T + H, and with learned shifts; and the plain matrices that
these families contain: ``Toeplitz``, ``Circulant``, ``SkewCirculant``.
"""

import keras
import numpy as np
from keras import ops
from scipy.fft import next_fast_len

from kws.structured import displacement, products
from kws.structured.base import LowDisplacementRank, StructuredDense


@keras.saving.register_keras_serializable(package="kws")
class ToeplitzLike(LowDisplacementRank):
    """``M = Σᵢ Z_1(gᵢ) Z_{-1}(hᵢ)``, cropped to (units, inputs); 2·rank·n parameters.

    ``Z_1(g)`` is the circulant and ``Z_{-1}(h)`` the skew-circulant matrix with first columns g
    and h. Rank 1 holds all circulants and skew-circulants, rank 2 all Toeplitz matrices and
    their inverses, rank n everything (Sindhwani et al. 2015, sections 2 and 3).

    Weights: ``g`` (rank, n), ``h`` (rank, n), ``bias`` (units,) or None; n = max(inputs, units).
    """

    def operators(self):
        return displacement.toeplitz_operators(self.n)

    def matrix_transposed(self):
        return products.toeplitz_like_transposed(self.g, self.h, self.inputs, self.units)

    def use_fast_product(self, batch):
        return products.toeplitz_like_fft_pays(batch, self.rank, self.n)

    def fast_product(self, x):
        return products.toeplitz_like(x, self.g, self.h)


@keras.saving.register_keras_serializable(package="kws")
class HankelLike(LowDisplacementRank):
    """``M = Σᵢ Z_1(gᵢ) Z_{-1}(hᵢ) J``: a Toeplitz-like matrix of the reversed input.

    Rank 2 holds all Hankel matrices and their inverses, which as Toeplitz-like matrices would
    need rank n. Operators and what differs from the paper: ``displacement.hankel_operators``.

    Weights: ``g`` (rank, n), ``h`` (rank, n), ``bias`` (units,) or None; n = max(inputs, units).
    """

    def operators(self):
        return displacement.hankel_operators(self.n)

    def matrix_transposed(self):
        toeplitz = products.toeplitz_like_transposed(self.g, self.h, self.n, self.units)
        return ops.flip(toeplitz, axis=0)[: self.inputs]

    def use_fast_product(self, batch):
        return products.toeplitz_like_fft_pays(batch, self.rank, self.n)

    def fast_product(self, x):
        return products.toeplitz_like(ops.flip(x, axis=-1), self.g, self.h)


@keras.saving.register_keras_serializable(package="kws")
class ToeplitzHankelLike(LowDisplacementRank):
    """``M = Σᵢ P(gᵢ) Q(hᵢ)``, P a polynomial in one mirrored shift, Q in the other.

    ``Z_1`` and ``Z_{-1}`` belong to Toeplitz matrices; two versions of ``Z_0 + Z_0ᵀ`` belong to
    sums of a Toeplitz and a Hankel matrix (``displacement.toeplitz_hankel_operators``). The
    matrices that commute with them are such sums themselves:
    ``P(t)[a, b] = t[|a−b|] + t[a+b+1]`` with t continued evenly about n, for Q oddly, t[n] = 0.
    On a mirrored vector of length 2n they act as a circulant and a skew-circulant matrix, which
    gives the FFT form. Rank 4 holds every T + H.

    Weights: ``g`` (rank, n), ``h`` (rank, n), ``bias`` (units,) or None; n = max(inputs, units).
    """

    def operators(self):
        return displacement.toeplitz_hankel_operators(self.n)

    def terms(self):
        return 4 * self.n * self.inputs  # each entry of P and of Q is a sum of two of t

    def matrix_transposed(self):
        # P and Q are symmetric, so Mᵀ = Σ Q(hᵢ) P(gᵢ).
        n = self.n
        p = products.circulant_transposed(_continue(self.g, +1))[:, :n]
        q = products.skew_circulant_transposed(_continue(self.h, -1))[:, :n]
        p = p[..., :n] + ops.flip(p[..., n:], axis=-1)
        q = q[..., :n] - ops.flip(q[..., n:], axis=-1)
        return ops.einsum("rab,rbc->ac", q[:, : self.inputs], p[..., : self.units])

    def use_fast_product(self, batch):
        return products.fft_pays(batch, self.rank + 1, 2 * self.n, self.n, 0.1 * self.rank * self.n)

    def fast_product(self, x):
        n = self.n
        g = products.full_precision(_continue(self.g, +1))
        inner = products.skew_circulant(_mirror(x[:, None], -1), _continue(self.h, -1))[..., :n]
        spectrum = products.multiply(ops.rfft(_mirror(inner, +1)), ops.rfft(g))
        summed = tuple(ops.sum(part, axis=1) for part in spectrum)
        return ops.irfft(summed, 2 * n)[:, :n]


@keras.saving.register_keras_serializable(package="kws")
class LearnedShiftLike(ToeplitzLike):
    """LDR-SD: the entries of the shift operators are learned too (Thomas et al. 2018).

    ``A = D Z_1 D⁻¹`` and ``B = E⁻¹ Z_{-1} E`` have free positive subdiagonals ``d[j+1] / d[j]``,
    with a corner that keeps ``Aⁿ = I`` and ``Bⁿ = −I``. Matrices of low rank under them are
    ``M = D (Σᵢ Z_1(gᵢ) Z_{-1}(hᵢ)) E``: a Toeplitz-like matrix between two learned diagonals.

    The reason for the corner: Krylov powers of a free subdiagonal vanish or explode like a product
    of n numbers, and take O(n²). With the product fixed to one they do neither, and FFTs apply. The
    weights are the logarithms of d and e, so that the diagonals stay positive; they start at 0.

    Weights: ``g``, ``h`` (rank, n), ``log_d``, ``log_e`` (n,), ``bias`` (units,) or None.
    """

    def build_generators(self):
        super().build_generators()
        self.log_d, self.log_e = (
            self.add_weight(name=name, shape=(self.n,), initializer="zeros", autocast=False)
            for name in ("log_d", "log_e")
        )

    def operators(self):
        a, b = super().operators()
        d, e = (np.exp(ops.convert_to_numpy(w).astype(float)) for w in (self.log_d, self.log_e))
        return a * d[:, None] / d, b / e[:, None] * e

    def matrix_transposed(self):
        d, e = ops.exp(self.log_d)[: self.units], ops.exp(self.log_e)[: self.inputs, None]
        return ops.multiply(ops.multiply(e, super().matrix_transposed()), d)

    def fast_product(self, x):
        y = super().fast_product(x * ops.exp(self.log_e))
        return ops.multiply(y, ops.exp(self.log_d))


@keras.saving.register_keras_serializable(package="kws")
class Toeplitz(StructuredDense):
    """``M[a, b] = diagonals[a − b + inputs − 1]``: a convolution as wide as the input.

    Weights: ``diagonals`` (units + inputs − 1,), ``bias`` (units,) or None.
    """

    def build_generators(self):
        count = self.units + self.inputs - 1
        self.diagonals = self.add_generator("diagonals", (count,), self.inputs**-0.5)

    def _period(self, length: int):
        """The first column of a circulant of size ``length`` whose corner is the matrix."""
        below, above = self.diagonals[self.inputs - 1 :], self.diagonals[: self.inputs - 1]
        gap = ops.zeros(length - self.units - self.inputs + 1, self.diagonals.dtype)
        return ops.concatenate([below, gap, above])

    def matrix_transposed(self):
        period = self._period(self.units + self.inputs)
        return products.shifted_rows(period, self.inputs)[:, : self.units]

    def use_fast_product(self, batch):
        return products.fft_pays(batch, 1, 2 * self.n, self.n, 2)

    def fast_product(self, x):
        length = next_fast_len(self.units + self.inputs - 1, real=True)
        padded = ops.pad(x[:, : self.inputs], ((0, 0), (0, length - self.inputs)))
        return products.circulant(padded, self._period(length))[:, : self.n]


@keras.saving.register_keras_serializable(package="kws")
class Circulant(StructuredDense):
    """``M = Z_1(g)``: a cyclic convolution (Cheng et al. 2015, without their random signs).

    Weights: ``g`` (n,), the first column; ``bias`` (units,) or None; n = max(inputs, units).
    """

    def build_generators(self):
        self.g = self.add_generator("g", (self.n,), self.inputs**-0.5)

    def matrix_transposed(self):
        return products.circulant_transposed(self.g)[: self.inputs, : self.units]

    def use_fast_product(self, batch):
        return products.fft_pays(batch, 1, self.n, self.n, 2)

    def fast_product(self, x):
        return products.circulant(x, self.g)


@keras.saving.register_keras_serializable(package="kws")
class SkewCirculant(StructuredDense):
    """``M = Z_{-1}(h)``: a cyclic convolution that changes the sign when it wraps round.

    Weights: ``h`` (n,), the first column; ``bias`` (units,) or None; n = max(inputs, units).
    """

    def build_generators(self):
        self.h = self.add_generator("h", (self.n,), self.inputs**-0.5)

    def matrix_transposed(self):
        return products.skew_circulant_transposed(self.h)[: self.inputs, : self.units]

    def use_fast_product(self, batch):
        return products.fft_pays(batch, 1, self.n, self.n, 2)

    def fast_product(self, x):
        return products.skew_circulant(x, self.h)


def _continue(t, sign: int):
    """``t`` continued about n, evenly or oddly, and zero at n: (r, n) to (r, 2n)."""
    return ops.concatenate([t, 0 * t[:, :1], sign * ops.flip(t[:, 1:], axis=-1)], axis=-1)


def _mirror(x, sign: int):
    """``x`` and its mirror image: (…, n) to (…, 2n)."""
    return ops.concatenate([x, sign * ops.flip(x, axis=-1)], axis=-1)

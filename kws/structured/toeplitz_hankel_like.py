"""The Toeplitz+Hankel-like transform."""

import keras
from keras import ops

from kws.structured import displacement, products
from kws.structured.generators import LowDisplacementRank


@keras.saving.register_keras_serializable(package="kws")
class ToeplitzHankelLike(LowDisplacementRank):
    """``M = Σᵢ P(gᵢ) Q(hᵢ)``, P a polynomial in one mirrored shift, Q in the other.

    What ``Z_1`` and ``Z_{-1}`` are to Toeplitz matrices, two versions of ``Z_0 + Z_0ᵀ`` are to
    sums of a Toeplitz and a Hankel matrix (``displacement.toeplitz_hankel_operators``). The
    matrices that commute with them are themselves such sums:
    ``P(t)[a, b] = t[|a−b|] + t[a+b+1]`` with t continued evenly about n, for Q oddly, t[n] = 0.
    On a mirrored vector of length 2n they act as a circulant and a skew-circulant, which gives
    the FFT form. Rank 4 holds every T + H.

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
        g, h = products.full_precision(_continue(self.g, +1)), _continue(self.h, -1)
        x, h = products.full_precision(x)[:, None], products.full_precision(h)
        inner = products.skew_circulant(_mirror(x, -1), h)[..., :n]
        spectrum = products.multiply(
            products.circulant_spectrum(_mirror(inner, +1)), products.circulant_spectrum(g)
        )
        summed = tuple(ops.sum(part, axis=1) for part in spectrum)
        return products.from_circulant_spectrum(summed, 2 * n)[:, :n]


def _continue(t, sign: int):
    """``t`` continued about n, evenly or oddly: (r, n) to (r, 2n), zero at n."""
    return ops.concatenate([t, 0 * t[:, :1], sign * ops.flip(t[:, 1:], axis=-1)], axis=-1)


def _mirror(x, sign: int):
    return ops.concatenate([x, sign * ops.flip(x, axis=-1)], axis=-1)

"""The Hankel-like transform."""

import keras
from keras import ops

from kws.structured import displacement, products
from kws.structured.generators import LowDisplacementRank


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
        entry = products.entry_cost(self.n, self.rank)
        return products.fft_pays(batch, self.rank + 1, self.n, self.n, entry)

    def fast_product(self, x):
        return products.toeplitz_like(ops.flip(x, axis=-1), self.g, self.h)

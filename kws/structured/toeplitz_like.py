"""The Toeplitz-like transform of the paper."""

import keras
from keras import ops

from kws.structured import products
from kws.structured.generators import LowDisplacementRank


@keras.saving.register_keras_serializable(package="kws")
class ToeplitzLike(LowDisplacementRank):
    """``M = Σᵢ Z_1(gᵢ) Z_{-1}(hᵢ)``, cropped to (units, inputs); 2·rank·n parameters.

    ``Z_1(g)`` is the circulant and ``Z_{-1}(h)`` the skew-circulant matrix with first columns g
    and h. Rank 1 holds all circulants and skew-circulants, rank 2 all Toeplitz matrices and
    their inverses, rank n everything (Sindhwani et al. 2015, sections 2 and 3).

    Weights: ``g`` (rank, n), ``h`` (rank, n), ``bias`` (units,) or None; n = max(inputs, units).
    """

    def matrix_transposed(self):
        # Mᵀ = Σ Z_{-1}(hᵢ)ᵀ Z_1(gᵢ)ᵀ as one product, the ranks side by side.
        skew = products.skew_circulant_transposed(self.h)[:, : self.inputs]
        circulant = products.circulant_transposed(self.g)[..., : self.units]
        left = ops.reshape(ops.transpose(skew, (1, 0, 2)), (self.inputs, self.rank * self.n))
        return ops.matmul(left, ops.reshape(circulant, (self.rank * self.n, self.units)))

    def use_fast_product(self) -> bool:
        return self.n > 512

    def fast_product(self, x):
        return products.toeplitz_like(x, self.g, self.h)

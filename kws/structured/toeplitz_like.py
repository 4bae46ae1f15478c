"""The Toeplitz-like transform of the paper."""

import keras

from kws.structured import displacement, products
from kws.structured.generators import LowDisplacementRank


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
        entry = products.entry_cost(self.n, self.rank)
        return products.fft_pays(batch, self.rank + 1, self.n, self.n, entry)

    def fast_product(self, x):
        return products.toeplitz_like(x, self.g, self.h)

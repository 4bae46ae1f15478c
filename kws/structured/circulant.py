"""The circulant layer and its antiperiodic twin."""

import keras

from kws.structured import products
from kws.structured.base import StructuredDense


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
        return products.circulant(products.full_precision(x), products.full_precision(self.g))


@keras.saving.register_keras_serializable(package="kws")
class SkewCirculant(StructuredDense):
    """``M = Z_{-1}(h)``: a cyclic convolution that changes the sign of what comes round.

    Weights: ``h`` (n,), the first column; ``bias`` (units,) or None; n = max(inputs, units).
    """

    def build_generators(self):
        self.h = self.add_generator("h", (self.n,), self.inputs**-0.5)

    def matrix_transposed(self):
        return products.skew_circulant_transposed(self.h)[: self.inputs, : self.units]

    def use_fast_product(self, batch):
        return products.fft_pays(batch, 1, self.n, self.n, 2)

    def fast_product(self, x):
        return products.skew_circulant(products.full_precision(x), products.full_precision(self.h))

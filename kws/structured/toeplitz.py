"""The plain Toeplitz layer."""

import keras
from keras import ops
from scipy.fft import next_fast_len

from kws.structured import products
from kws.structured.base import StructuredDense


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
        period = products.full_precision(self._period(length))
        return products.circulant(products.full_precision(padded), period)[:, : self.n]

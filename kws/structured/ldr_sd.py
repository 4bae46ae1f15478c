"""Learned displacement operators: the successor of the Toeplitz-like transform."""

import keras
import numpy as np
from keras import ops

from kws.structured.toeplitz_like import ToeplitzLike


@keras.saving.register_keras_serializable(package="kws")
class LearnedShiftLike(ToeplitzLike):
    """LDR-SD: the entries of the shift operators are learned too (Thomas et al. 2018).

    ``A = D Z_1 D⁻¹`` and ``B = E⁻¹ Z_{-1} E`` have free positive subdiagonals ``d[j+1] / d[j]``,
    with a corner that keeps ``Aⁿ = I`` and ``Bⁿ = −I``. Matrices of low rank under them are
    ``M = D (Σᵢ Z_1(gᵢ) Z_{-1}(hᵢ)) E``: a Toeplitz-like matrix between two learned diagonals.

    Why so: Krylov powers of a free subdiagonal vanish or explode like a product of n numbers,
    and cost O(n²). With the product fixed to one they do neither, and the FFTs remain. The
    logarithms of d and e are the weights, so that the diagonals stay positive; they start at 0.

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

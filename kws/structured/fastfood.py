"""Adaptive Fastfood, a baseline of the paper."""

import keras
import numpy as np
from keras import ops

from kws.structured.base import StructuredDense


@keras.saving.register_keras_serializable(package="kws")
class Fastfood(StructuredDense):
    """``M = S H G Π H B``: learned diagonals between Hadamard transforms (Yang et al. 2015).

    H is the orthonormal Walsh-Hadamard transform and Π a permutation fixed by ``seed``. The
    size inside is the next power of two, N.

    Weights: ``s``, ``g``, ``b`` (N,), ``bias`` (units,) or None.
    """

    def __init__(self, units: int, seed: int = 0, **kwargs):
        super().__init__(units, **kwargs)
        self.seed = seed

    def padded_size(self, n):
        return 1 << (n - 1).bit_length()

    def build_generators(self):
        self.permutation = np.random.default_rng(self.seed).permutation(self.n)
        # The padding's zeros are spread over all places: √(N / inputs) makes up for them.
        self.s = self.add_generator("s", (self.n,), 1.0, share=0, of=3)
        self.b = self.add_generator("b", (self.n,), 1.0, share=1, of=3)
        self.g = self.add_generator("g", (self.n,), (self.n / self.inputs) ** 0.5, share=2, of=3)

    def matrix_transposed(self):
        identity = ops.eye(self.inputs, self.n, dtype=self.g.dtype)
        return self.fast_product(identity)[:, : self.units]

    def use_fast_product(self, batch):
        return True

    def fast_product(self, x):
        x = ops.take(_hadamard(x * self.b), self.permutation, axis=-1)
        return _hadamard(x * self.g) * self.s

    def get_config(self):
        return {**super().get_config(), "seed": self.seed}


def _hadamard(x):
    """Orthonormal Walsh-Hadamard transform of the rows: (b, N) to (b, N)."""
    n = x.shape[-1]
    half = 1
    while half < n:
        pairs = ops.reshape(x, (-1, n // (2 * half), 2, half))
        first, second = pairs[:, :, 0], pairs[:, :, 1]
        x = ops.reshape(ops.stack([first + second, first - second], axis=2), (-1, n))
        half *= 2
    return x * n**-0.5

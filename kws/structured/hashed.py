"""HashedNets, a baseline of the paper."""

import keras
import numpy as np
from keras import ops

from kws.structured.base import StructuredDense, _positive


@keras.saving.register_keras_serializable(package="kws")
class Hashed(StructuredDense):
    """``M[a, b] = ±buckets[hash(a, b)]``: entries share weights at random (Chen et al. 2015).

    Which entry has which bucket and sign is drawn from ``seed``. Saves parameters, not work.

    Weights: ``w`` (buckets,), ``bias`` (units,) or None.
    """

    def __init__(self, units: int, buckets: int, seed: int = 0, **kwargs):
        super().__init__(units, **kwargs)
        self.buckets = _positive("buckets", buckets)
        self.seed = seed

    def build_generators(self):
        rng = np.random.default_rng(self.seed)
        shape = (self.inputs, self.units)
        self.place = rng.integers(self.buckets, size=shape, dtype=np.int32)
        self.sign = rng.choice(np.array([-1, 1], np.int8), size=shape)
        self.w = self.add_generator("w", (self.buckets,), self.inputs**-0.5)

    def matrix_transposed(self):
        return ops.take(self.w, self.place) * ops.convert_to_tensor(self.sign, self.w.dtype)

    def get_config(self):
        return {**super().get_config(), "buckets": self.buckets, "seed": self.seed}

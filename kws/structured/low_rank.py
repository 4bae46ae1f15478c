"""The low-rank bottleneck, a baseline of the paper."""

import keras
from keras import ops

from kws.structured.base import StructuredDense, _positive


@keras.saving.register_keras_serializable(package="kws")
class LowRank(StructuredDense):
    """``M = Gᵀ H``: two thin dense layers without anything between them.

    Weights: ``g`` (rank, units), ``h`` (rank, inputs), ``bias`` (units,) or None.
    """

    def __init__(self, units: int, rank: int = 1, **kwargs):
        super().__init__(units, **kwargs)
        self.rank = _positive("rank", rank)

    def build_generators(self):
        stddev = (self.rank * self.inputs) ** -0.25
        self.g = self.add_generator("g", (self.rank, self.units), stddev, share=0, of=2)
        self.h = self.add_generator("h", (self.rank, self.inputs), stddev, share=1, of=2)

    def matrix_transposed(self):
        return ops.matmul(ops.transpose(self.h), self.g)

    def use_fast_product(self, batch):
        return self.rank * (self.inputs + self.units) < self.inputs * self.units

    def fast_product(self, x):
        y = ops.matmul(ops.matmul(x[:, : self.inputs], ops.transpose(self.h)), self.g)
        return ops.pad(y, ((0, 0), (0, self.n - self.units)))

    def get_config(self):
        return {**super().get_config(), "rank": self.rank}

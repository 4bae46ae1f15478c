"""Random edge removal, a baseline of the paper."""

import keras
import numpy as np
from keras import ops

from kws.structured.base import StructuredDense, _positive


@keras.saving.register_keras_serializable(package="kws")
class RandomEdges(StructuredDense):
    """A dense layer of which only ``edges`` connections, drawn from ``seed``, exist.

    Weights: ``w`` (edges,), ``bias`` (units,) or None.
    """

    def __init__(self, units: int, edges: int, seed: int = 0, **kwargs):
        super().__init__(units, **kwargs)
        self.edges = _positive("edges", edges)
        self.seed = seed

    def build_generators(self):
        size = self.inputs * self.units
        if self.edges > size:
            raise ValueError(f"{self.edges} edges don't fit a {self.units}×{self.inputs} matrix.")
        chosen = np.random.default_rng(self.seed).choice(size, self.edges, replace=False)
        self.place = np.sort(chosen).astype(np.int32)
        stddev = (self.edges / self.units) ** -0.5
        self.w = self.add_generator("w", (self.edges,), stddev)

    def matrix_transposed(self):
        flat = ops.scatter(self.place[:, None], self.w, (self.inputs * self.units,))
        return ops.reshape(flat, (self.inputs, self.units))

    def get_config(self):
        return {**super().get_config(), "edges": self.edges, "seed": self.seed}

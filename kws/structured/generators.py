"""Layers that are given by generators ``g`` and ``h`` of a displacement of rank r."""

import numpy as np

from kws.structured.base import StructuredDense, _positive
from kws.structured.displacement import Operators


class LowDisplacementRank(StructuredDense):
    """A structured layer with weights ``g`` and ``h``, both of shape (rank, n).

    The square matrix inside has displacement rank ≤ ``rank`` under ``operators()``.
    """

    displacement = "sylvester"

    def __init__(self, units: int, rank: int = 1, **kwargs):
        super().__init__(units, **kwargs)
        self.rank = _positive("rank", rank)

    def build_generators(self):
        stddev = (self.rank * self.terms()) ** -0.25
        self.g = self.add_generator("g", (self.rank, self.n), stddev, share=0, of=2)
        self.h = self.add_generator("h", (self.rank, self.n), stddev, share=1, of=2)

    def terms(self) -> float:
        """How many products g·h·x of unit variance an output sums, for each rank."""
        return self.n * self.inputs

    def operators(self) -> Operators:
        """The operators of displacement of the square matrix, NumPy, each of shape (n, n)."""
        raise NotImplementedError

    def get_config(self):
        return {**super().get_config(), "rank": self.rank}


def row_energy(matrix: np.ndarray) -> float:
    """Mean over the rows of the sum of squares."""
    return float(np.mean(np.sum(np.abs(matrix) ** 2, axis=1)))

"""Layers that are given by generators ``g`` and ``h`` of a displacement of rank r."""

import keras

from kws.structured.base import StructuredDense, _positive


class LowDisplacementRank(StructuredDense):
    """A structured layer with weights ``g`` and ``h``, both of shape (rank, n)."""

    def __init__(self, units: int, rank: int = 1, **kwargs):
        super().__init__(units, **kwargs)
        self.rank = _positive("rank", rank)

    def build_generators(self):
        # One draw for both: with a fixed seed two draws would give g = h.
        initializer = self.generator_initializer or self.variance_keeping()
        self.g = self._add_generator("g", lambda shape, dtype: initializer((2, *shape), dtype)[0])
        self.h = self._add_generator("h", lambda shape, dtype: initializer((2, *shape), dtype)[1])

    def variance_keeping(self) -> keras.initializers.Initializer:
        """Normal entries with which Var(y) ≈ Var(x): an output sums rank·n·inputs terms g·h·x."""
        return keras.initializers.RandomNormal(stddev=(self.rank * self.n * self.inputs) ** -0.25)

    def get_config(self):
        return {**super().get_config(), "rank": self.rank}

    def _add_generator(self, name: str, initializer):
        return self.add_weight(
            name=name,
            shape=(self.rank, self.n),
            initializer=initializer,
            regularizer=self.generator_regularizer,
        )

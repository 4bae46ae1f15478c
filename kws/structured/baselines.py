"""Layers without displacement structure: the paper's baselines at equal parameters (section 4).

``LowRank`` is a bottleneck, ``Hashed`` shares weights at random, ``RandomEdges`` leaves most of the
entries zero, ``Fastfood`` has learned diagonals between fixed transforms. ``Unstructured`` is the
dense layer that all are compared with.
"""

import keras
import numpy as np
from keras import ops

from kws.structured.base import StructuredDense, positive_integer


@keras.saving.register_keras_serializable(package="kws")
class LowRank(StructuredDense):
    """``M = Gᵀ H``: two thin dense layers without anything between them.

    Weights: ``g`` (rank, units), ``h`` (rank, inputs), ``bias`` (units,) or None.
    """

    def __init__(self, units: int, rank: int = 1, **kwargs):
        super().__init__(units, **kwargs)
        self.rank = positive_integer("rank", rank)

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


@keras.saving.register_keras_serializable(package="kws")
class Hashed(StructuredDense):
    """``M[a, b] = ±w[hash(a, b)]``: entries share weights at random (Chen et al. 2015).

    Which entry has which of the ``buckets`` weights and which sign is drawn from ``seed``. This
    saves parameters, but no time.

    Weights: ``w`` (buckets,), ``bias`` (units,) or None.
    """

    def __init__(self, units: int, buckets: int, seed: int = 0, **kwargs):
        super().__init__(units, **kwargs)
        self.buckets = positive_integer("buckets", buckets)
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


@keras.saving.register_keras_serializable(package="kws")
class RandomEdges(StructuredDense):
    """A dense layer of which only ``edges`` connections, drawn from ``seed``, exist.

    Weights: ``w`` (edges,), ``bias`` (units,) or None.
    """

    def __init__(self, units: int, edges: int, seed: int = 0, **kwargs):
        super().__init__(units, **kwargs)
        self.edges = positive_integer("edges", edges)
        self.seed = seed

    def build_generators(self):
        size = self.inputs * self.units
        if self.edges > size:
            raise ValueError(f"{self.edges} edges do not fit a {self.units}×{self.inputs} matrix")
        chosen = np.random.default_rng(self.seed).choice(size, self.edges, replace=False)
        self.place = np.sort(chosen).astype(np.int32)
        stddev = (self.edges / self.units) ** -0.5
        self.w = self.add_generator("w", (self.edges,), stddev)

    def matrix_transposed(self):
        flat = ops.scatter(self.place[:, None], self.w, (self.inputs * self.units,))
        return ops.reshape(flat, (self.inputs, self.units))

    def get_config(self):
        return {**super().get_config(), "edges": self.edges, "seed": self.seed}


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


@keras.saving.register_keras_serializable(package="kws")
class Unstructured(StructuredDense):
    """``M`` free: what ``keras.layers.Dense`` does.

    Weights: ``w`` (inputs, units), ``bias`` (units,) or None.
    """

    def build_generators(self):
        self.w = self.add_generator("w", (self.inputs, self.units), self.inputs**-0.5)

    def matrix_transposed(self):
        return self.w


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

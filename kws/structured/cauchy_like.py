"""The Cauchy-like transform."""

import keras
import numpy as np
from keras import ops

from kws.structured import displacement
from kws.structured.generators import LowDisplacementRank, row_energy

_REACH = 0.2  # how far a node may move; two nodes stay 1/2 − 2·0.2 = 0.1 apart


@keras.saving.register_keras_serializable(package="kws")
class CauchyLike(LowDisplacementRank):
    """``M[a, b] = Σᵢ gᵢ[a] hᵢ[b] / (s[a] − t[b])``.

    The nodes are ``s[a] = a + 0.2 tanh(move_s[a])`` and ``t[b] = b + ½ + 0.2 tanh(move_t[b])``.

    Why so: an entry explodes where an s meets a t, and here they stay at least 0.1 apart after
    any gradient step. Interleaved on a line, the nodes make 1/(s − t) the discrete Hilbert
    transform at the start, which is orthogonal up to a factor: a well-conditioned beginning,
    where nodes drawn at random would start close to singular.

    Weights: ``g``, ``h`` (rank, n), ``move_s``, ``move_t`` (n,), ``bias`` (units,) or None.
    There is no fast product: it would need a fast multipole method.
    """

    def build_generators(self):
        self.move_s, self.move_t = (
            self.add_weight(name=name, shape=(self.n,), initializer="zeros", autocast=False)
            for name in ("move_s", "move_t")
        )
        super().build_generators()

    def terms(self):
        a, b = np.arange(self.n), np.arange(self.inputs) + 0.5
        return row_energy(1 / (a[:, None] - b))

    def nodes(self) -> tuple[np.ndarray, np.ndarray]:
        """``s`` and ``t``, NumPy, shape (n,) each."""
        moves = (ops.convert_to_numpy(w).astype(float) for w in (self.move_s, self.move_t))
        move_s, move_t = (_REACH * np.tanh(move) for move in moves)
        return np.arange(self.n) + move_s, np.arange(self.n) + 0.5 + move_t

    def operators(self):
        return displacement.cauchy_operators(*self.nodes())

    def matrix_transposed(self):
        # The grid is subtracted first: a, b up to n in low precision would drown the moves.
        grid = np.arange(self.n) - (np.arange(self.n) + 0.5)[:, None]
        grid = ops.convert_to_tensor(grid[: self.inputs, : self.units], self.move_s.dtype)
        move_s, move_t = self.move_s[: self.units], self.move_t[: self.inputs, None]
        # tanh y = 2 sigmoid(2y) − 1; on JAX, Keras computes tanh itself in float32 only.
        moves = 2 * (ops.sigmoid(2 * move_s) - ops.sigmoid(2 * move_t))
        product = ops.matmul(ops.transpose(self.h[:, : self.inputs]), self.g[:, : self.units])
        return product / (grid + _REACH * moves)

"""What all structured layers share: padding, bias, activation, generators, configuration."""

import math

import keras
from keras import ops

from kws.structured.displacement import Operators


class StructuredDense(keras.layers.Layer):
    """``y = activation(x Mᵀ + b)`` on the last axis, with a structured matrix ``M``.

    It takes the place of ``keras.layers.Dense``; on a channels-last feature map it is a 1×1
    convolution. A subclass adds the weights that generate ``M`` (``build_generators``) and computes
    ``x Mᵀ``: always by ``matrix_transposed``, and by ``fast_product`` where there is a fast
    algorithm and ``use_fast_product`` says that it is faster.

    Structured matrices are square: ``n = max(inputs, units)``. A rectangular layer is the top left
    block: the input is padded with zeros and the output cropped.

    Args:
        units: size of the output's last axis.
        activation, use_bias, bias_initializer, bias_regularizer, activity_regularizer: as in
            ``keras.layers.Dense``.
        generator_initializer: for the weights that generate the matrix; None keeps the variance
            of the signal, Var(y) ≈ Var(x).
        generator_regularizer: for the same weights.

    Input shape (…, inputs), output shape (…, units). Raises ValueError if a size is no positive
    integer, or the last axis of the input has no known size.
    """

    def __init__(
        self,
        units: int,
        activation=None,
        use_bias: bool = True,
        generator_initializer=None,
        bias_initializer="zeros",
        generator_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        **kwargs,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = positive_integer("units", units)
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.generator_initializer = keras.initializers.get(generator_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.generator_regularizer = keras.regularizers.get(generator_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.input_spec = keras.layers.InputSpec(min_ndim=2)

    def build(self, input_shape):
        self.inputs = input_shape[-1]
        if self.inputs is None:
            raise ValueError("the last axis of the input must have a known size")
        self.n = self.padded_size(max(self.inputs, self.units))
        self.build_generators()
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(self.units,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
            )
        self.input_spec = keras.layers.InputSpec(min_ndim=2, axes={-1: self.inputs})
        self.built = True

    def padded_size(self, n: int) -> int:
        """The size of the square matrix inside; some families round it up."""
        return n

    def build_generators(self) -> None:
        """Add the weights that generate the matrix; ``inputs`` and ``n`` are known."""
        raise NotImplementedError

    def matrix_transposed(self):
        """``Mᵀ``, shape (inputs, units), differentiable in the generators."""
        raise NotImplementedError

    def use_fast_product(self, batch: int) -> bool:
        """Whether ``fast_product`` is faster than a product with the materialised matrix.

        Decided when the graph is built. ``batch`` is the number of vectors; an axis of unknown
        size counts as 64.
        """
        return False

    def fast_product(self, x):
        """``x Mᵀ`` without forming the matrix: shape (batch, n) to (batch, n)."""
        raise NotImplementedError

    def add_generator(self, name: str, shape: tuple, stddev: float, share: int = 0, of: int = 1):
        """Add a weight, by default with normal entries of standard deviation ``stddev``.

        A layer's ``of`` weights of one shape are the parts of one draw, this one part ``share``.
        Separate draws from an initialiser with a fixed seed would make them equal.
        """
        # No autocast: transforms and running sums need more digits than 16-bit floats have.
        draw = self.generator_initializer or keras.initializers.RandomNormal(0.0, stddev)
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=lambda shape, dtype: draw((of, *shape), dtype=dtype)[share],
            regularizer=self.generator_regularizer,
            autocast=False,
        )

    def matrix(self):
        """The matrix ``M``, shape (units, inputs): the layer is ``x @ M.T + bias``."""
        return ops.transpose(self.matrix_transposed())

    def call(self, x):
        lead = ops.shape(x)[:-1]
        flat = ops.reshape(x, (-1, self.inputs))
        if self.use_fast_product(_expected_batch(x)):
            padded = ops.pad(flat, ((0, 0), (0, self.n - self.inputs)))
            padded = ops.cast(padded, self.variable_dtype)
            y = self.fast_product(padded)[:, : self.units]
        else:
            y = ops.matmul(flat, ops.cast(self.matrix_transposed(), flat.dtype))
        y = ops.cast(ops.reshape(y, (*lead, self.units)), self.compute_dtype)
        if self.bias is not None:
            y = y + ops.cast(self.bias, y.dtype)
        return self.activation(y)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "generator_initializer": keras.initializers.serialize(self.generator_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "generator_regularizer": keras.regularizers.serialize(self.generator_regularizer),
            "bias_regularizer": keras.regularizers.serialize(self.bias_regularizer),
            "activity_regularizer": keras.regularizers.serialize(self.activity_regularizer),
        }


class LowDisplacementRank(StructuredDense):
    """A structured layer with weights ``g`` and ``h``, both of shape (rank, n).

    The square matrix inside has displacement rank ≤ ``rank`` under ``operators()``.
    """

    displacement = "sylvester"  # or "stein"

    def __init__(self, units: int, rank: int = 1, **kwargs):
        super().__init__(units, **kwargs)
        self.rank = positive_integer("rank", rank)

    def build_generators(self):
        stddev = (self.rank * self.terms()) ** -0.25
        self.g = self.add_generator("g", (self.rank, self.n), stddev, share=0, of=2)
        self.h = self.add_generator("h", (self.rank, self.n), stddev, share=1, of=2)

    def terms(self) -> float:
        """How many products ``g·h·x`` an output sums for each rank."""
        return self.n * self.inputs

    def operators(self) -> Operators:
        """The operators of displacement of the square matrix, NumPy, both (n, n)."""
        raise NotImplementedError

    def get_config(self):
        return {**super().get_config(), "rank": self.rank}


def positive_integer(name: str, value: int) -> int:
    """``value`` as an int; raises ValueError if it is no positive integer."""
    if int(value) != value or value < 1:
        raise ValueError(f"{name} must be a positive integer, not {value!r}")
    return int(value)


def _expected_batch(x) -> int:
    return math.prod(64 if size is None else size for size in x.shape[:-1])

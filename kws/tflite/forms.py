"""What a structured layer becomes in the graph: the op, ordinary operators, or its matrix."""

from collections.abc import Callable
from dataclasses import dataclass, field

import keras
import numpy as np

from kws.structured import ToeplitzLike
from kws.tflite import builtin

OP_NAME = "KwsToeplitzLike"
# Stands in the names of tensors that quantization must leave alone.
FLOAT_SCOPE = "kws_structured"


@dataclass
class Form:
    """A layer's replacement. ``call(x, *constants)`` builds it, given the constants as tensors.

    The constants are kept out of the converter's sight: it would fold what is computed from them
    and write the matrices into the file.
    """

    call: Callable
    constants: list[np.ndarray] = field(default_factory=list)


def dense(layer, vectors: int) -> Form:
    """One product with the matrix, worked out here."""
    import tensorflow as tf

    weights = _numpy(layer.matrix()).T

    def call(x):
        y = tf.linalg.matmul(x, tf.constant(weights))
        return layer.activation(y if layer.bias is None else y + layer.bias)

    return Form(call)


def builtin_only(layer, vectors: int) -> Form:
    """Transforms, or matrices written out at run time; dense for any other structure."""
    import tensorflow as tf

    if not isinstance(layer, ToeplitzLike):
        return dense(layer, vectors)
    g, h = _numpy(layer.g), _numpy(layer.h)
    if builtin.matrices_pay(layer.n, layer.rank, vectors):
        product, constants = builtin.product_by_matrices, [g, h]
    else:
        product, constants = builtin.product_by_transforms, builtin.spectra(g, h)

    def call(x, *constants):
        with tf.name_scope(FLOAT_SCOPE):
            flat = tf.reshape(x, (-1, layer.inputs))
            padded = tf.pad(flat, [[0, 0], [0, layer.n - layer.inputs]])
            y = product(padded if layer.n > layer.inputs else flat, *constants)
            y = tf.reshape(y[:, : layer.units], (*x.shape[:-1], layer.units))
        return layer.activation(y if layer.bias is None else y + layer.bias)

    return Form(call, constants)


def custom(layer, vectors: int) -> Form:
    """The op KwsToeplitzLike with only the generators; dense for any other structure."""
    import tensorflow as tf

    if not isinstance(layer, ToeplitzLike):
        return dense(layer, vectors)

    # The converter keeps a function so marked as one operator of that name, with the function's
    # attributes as its options; the body is never converted, only its result's shape matters.
    @tf.function(
        experimental_implements=" ".join(
            [
                f'name: "{OP_NAME}"',
                'attr { key: "tfl_fusable_op" value { b: true } }',
                'attr { key: "version" value { i: 1 } }',
                f'attr {{ key: "units" value {{ i: {layer.units} }} }}',
            ]
        )
    )
    def op(x, g, h, *bias):
        return tf.repeat(x[..., :1] + g[0, 0] + h[0, 0], layer.units, axis=-1)

    def call(x, *constants):
        return layer.activation(op(x, *constants))

    weights = [layer.g, layer.h, *([] if layer.bias is None else [layer.bias])]
    return Form(call, [_numpy(weight) for weight in weights])


def _numpy(tensor) -> np.ndarray:
    return keras.ops.convert_to_numpy(tensor).astype(np.float32)

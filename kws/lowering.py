"""A keras.Model becomes a .tflite file.

A structured layer is lowered as ``custom``, the op KwsToeplitzLike with only the generators in
the file, or as ``dense``, an ordinary product with the materialised matrix. Everything else is
left to TensorFlow's converter.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, get_args

import keras
import numpy as np

from kws import model_file
from kws.errors import KwsError
from kws.structured import ToeplitzLike

Lowering = Literal["custom", "dense"]

OP_NAME, OP_VERSION = "KwsToeplitzLike", 1


def lower(model: keras.Model, lowering: Lowering) -> bytes:
    """Convert a model of fixed input shape (batch, frames, bands), batch 1 in the file.

    Returns the .tflite, float32, named input ``features`` and output ``scores``. Raises KwsError
    for an unknown lowering, another Keras back end, or what TFLite cannot express.
    """
    if lowering not in get_args(Lowering):
        raise KwsError(f"no lowering {lowering!r}; use {' or '.join(get_args(Lowering))}", 2)
    if keras.backend.backend() != "tensorflow":
        raise KwsError("export needs Keras on TensorFlow; set KERAS_BACKEND=tensorflow", 2)
    import tensorflow as tf

    call = _custom_call if lowering == "custom" else _dense_call
    with _lowered(model, call):
        function = tf.function(
            lambda features: model(features, training=False),
            input_signature=[tf.TensorSpec((1, *model.input_shape[1:]), tf.float32, "features")],
        )
        concrete = function.get_concrete_function()
    # Only the path through a SavedModel keeps marked functions, and it must find every variable.
    module = tf.Module()
    module.variables_used = list(concrete.graph.variables)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], module)
    converter.allow_custom_ops = lowering == "custom"
    return _slim(converter.convert())


@contextmanager
def _lowered(model: keras.Model, make_call: Callable) -> Iterator[None]:
    """Every structured layer of the model, however deep inside, calls its lowered form."""
    layers = [layer for layer in model._flatten_layers() if hasattr(layer, "matrix")]
    calls = [make_call(layer) or layer.call for layer in layers]
    try:
        for layer, call in zip(layers, calls, strict=True):
            layer.call = call
        yield
    finally:
        for layer in layers:
            del layer.call


def _dense_call(layer) -> Callable:
    """The layer as one product with its matrix, worked out here once."""
    import tensorflow as tf

    weights = tf.constant(keras.ops.convert_to_numpy(layer.matrix()).T.astype(np.float32))

    def call(x):
        y = tf.linalg.matmul(x, weights)
        return layer.activation(y if layer.bias is None else y + layer.bias)

    return call


def _custom_call(layer) -> Callable:
    """The layer as the op KwsToeplitzLike; dense where the op has no such structure."""
    import tensorflow as tf

    if not isinstance(layer, ToeplitzLike):
        return _dense_call(layer)

    # The converter keeps a function so marked as one operator of that name, with the function's
    # attributes as its options; the body is never converted, only its result's shape matters.
    @tf.function(
        experimental_implements=" ".join(
            [
                f'name: "{OP_NAME}"',
                'attr { key: "tfl_fusable_op" value { b: true } }',
                f'attr {{ key: "version" value {{ i: {OP_VERSION} }} }}',
                f'attr {{ key: "units" value {{ i: {layer.units} }} }}',
            ]
        )
    )
    def op(x, g, h, *bias):
        return tf.repeat(x[..., :1] + g[0, 0] + h[0, 0], layer.units, axis=-1)

    generators = [keras.ops.convert_to_numpy(w).astype(np.float32) for w in (layer.g, layer.h)]
    bias = [] if layer.bias is None else [keras.ops.convert_to_numpy(layer.bias)]

    def call(x):
        return layer.activation(op(x, *map(tf.constant, [*generators, *bias])))

    return call


def _slim(tflite: bytes) -> bytes:
    """The same network without what no runtime reads: a sixth of a small file.

    The converter names each tensor after every layer that was fused into it, gives each tensor
    that is computed an empty buffer and each one an empty quantization, and describes itself.
    """
    model = model_file.unpack(tflite)
    model.description = None
    model.metadata = []
    (graph,) = model.subgraphs
    graph.name = None

    constants = {0: 0}
    for tensor in graph.tensors:
        tensor.name = None
        if tensor.quantization is not None and tensor.quantization.scale is None:
            tensor.quantization = None
        tensor.buffer = constants.setdefault(
            tensor.buffer if model.buffers[tensor.buffer].data is not None else 0, len(constants)
        )
    model.buffers = [model.buffers[old] for old in constants]
    graph.tensors[graph.inputs[0]].name = "features"
    graph.tensors[graph.outputs[0]].name = "scores"
    (signature,) = model.signatureDefs
    signature.inputs[0].name, signature.outputs[0].name = "features", "scores"

    for code in model.operatorCodes:
        if code.customCode == OP_NAME.encode():
            code.version = OP_VERSION
    return model_file.pack(model)

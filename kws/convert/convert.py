"""A keras.Model becomes a .tflite file.

A structured layer is lowered as ``custom``, the op KwsToeplitzLike with only the generators in
the file; as ``builtin``, TFLite's own operators on as few numbers, for runtimes without our op;
or as ``dense``, an ordinary product with the materialised matrix. ``auto`` takes the faster of
custom and dense for each layer. Everything else is left to TensorFlow's converter.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, get_args

import keras
import numpy as np

from kws.convert import structured_ops
from kws.convert.cost_model import Choice, Target, choose, fixed, smaller
from kws.convert.fuse import fuse_steps, stream_steps
from kws.convert.quantize import Quantization, quantize_model
from kws.convert.streaming import streaming_model
from kws.tflite.graph import Graph
from kws.tflite.pack import pack, slim, unpack
from kws.utils.console import quiet_stderr
from kws.utils.errors import KwsError

Lowering = Literal["custom", "builtin", "dense", "auto"]

_FORMS = {
    "custom": structured_ops.custom,
    "builtin": structured_ops.builtin_only,
    "dense": structured_ops.dense,
}


@dataclass(frozen=True)
class Converted:
    """A .tflite's bytes, and for each structured layer what it became and why."""

    data: bytes
    choices: list[Choice]


def convert(
    model: keras.Model,
    *,
    lowering: Lowering,
    quantize: Quantization = "none",
    representative: np.ndarray | None = None,
    target: Target = "x86",
    limit: int | None = None,
    frames: int | None = None,
) -> Converted:
    """Convert a model of fixed input shape (batch, frames, bands), batch 1 in the file.

    quantize: how constants are stored, and for ``int8`` how the rest of the network computes.
    representative: features (clips, frames, bands) that ``int8`` takes its ranges from.
    target: whose measured costs ``auto`` goes by. limit: of ``auto``, bytes that the file may
    have, without labels and recipe. frames: write the streaming form, which takes so many new
    frames at a time and keeps its past (``kws.convert.streaming``), not that of whole windows.

    The file's input ``features`` and output ``scores`` are float32 whatever is inside. Raises
    KwsError for an unknown word, another Keras back end, int8 without features, a target that
    was never measured, a limit that cannot be kept, or frames by which the network cannot stream.
    """
    for what, word, words in (
        ("lowering", lowering, get_args(Lowering)),
        ("quantization", quantize, get_args(Quantization)),
        ("target", target, get_args(Target)),
    ):
        if word not in words:
            raise KwsError(f"no {what} {word!r}; use {', '.join(words[:-1])} or {words[-1]}", 2)
    if keras.backend.backend() != "tensorflow":
        raise KwsError("export needs Keras on TensorFlow; set KERAS_BACKEND=tensorflow", 2)
    if quantize == "int8" and (representative is None or not len(representative)):
        raise KwsError("int8 takes its ranges from features; give some clips", 2)

    network = model if frames is None else streaming_model(model, frames)
    layers = [layer for layer in network._flatten_layers() if hasattr(layer, "matrix")]
    vectors = _vectors(network, layers)
    if lowering == "auto":
        choices = choose(layers, vectors, target, quantize)
    else:
        choices = fixed(layers, vectors, lowering)
    if lowering == "custom" and quantize == "compact":
        fused = _fused(model, layers, choices, frames)
        if fused is not None:
            return Converted(_finished(fused, quantize, None), choices)
    data = _converted(network, layers, choices, quantize, representative)
    while lowering == "auto" and limit is not None and len(data) > limit:
        choices = smaller(choices, len(data), limit)
        data = _converted(network, layers, choices, quantize, representative)
    return Converted(data, choices)


def _vectors(model: keras.Model, layers: list) -> list[int]:
    """How many vectors pass through each layer in one inference."""
    seen = dict.fromkeys(map(id, layers), 0)

    def counting(layer):
        def call(x):
            seen[id(layer)] += math.prod(x.shape[:-1])
            return type(layer).call(layer, x)

        return call

    with _replaced(layers, [counting(layer) for layer in layers]):
        inputs = [np.zeros((1, *tensor.shape[1:]), np.float32) for tensor in model.inputs]
        model(inputs if len(inputs) > 1 else inputs[0], training=False)
    return list(seen.values())


def _converted(model, layers: list, choices: list[Choice], quantize, representative) -> bytes:
    return _finished(_convert(model, layers, choices), quantize, representative)


def _fused(model, layers: list, choices: list[Choice], frames: int | None):
    """The ``ModelT`` with the temporal network's steps as one operator each.

    None if it is to stream and has other operators too that look back in time.
    """
    converted = _convert(model, layers, choices)
    graph = Graph(converted)
    fuse_steps(graph)
    return converted if frames is None or stream_steps(graph, frames) else None


def _finished(converted, quantize, representative) -> bytes:
    quantize_model(converted, quantize, representative)
    slim(converted)
    return pack(converted)


def _convert(model: keras.Model, layers: list, choices: list[Choice]):
    """The float32 ``ModelT``, with the chosen forms' constants in place."""
    import tensorflow as tf

    made = [
        _FORMS[choice.lowering](layer, choice.vectors)
        for layer, choice in zip(layers, choices, strict=True)
    ]
    # Constants enter as inputs, whose values the converter cannot know and so cannot unfold.
    constants = {
        f"constant_{k}": array for k, array in enumerate(c for form in made for c in form.constants)
    }

    count = len(model.inputs)
    states = [f"state_{k}" for k in range(1, count)]

    def network(*tensors):
        rest = iter(tensors[count:])
        calls = [_with_constants(form, [next(rest) for _ in form.constants]) for form in made]
        inputs = list(tensors[:count])
        with _replaced(layers, calls):
            outputs = model(inputs if count > 1 else inputs[0], training=False)
        outputs = outputs if isinstance(outputs, list) else [outputs]
        return dict(zip(["scores", *states], outputs, strict=True))

    signature = [
        tf.TensorSpec((1, *tensor.shape[1:]), tf.float32, name)
        for name, tensor in zip(["features", *states], model.inputs, strict=True)
    ]
    signature += [tf.TensorSpec(array.shape, tf.float32, name) for name, array in constants.items()]
    concrete = tf.function(network, input_signature=signature).get_concrete_function()
    # Only the path through a SavedModel keeps marked functions, and it must find every variable.
    module = tf.Module()
    module.variables_used = list(concrete.graph.variables)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], module)
    converter.allow_custom_ops = True
    with quiet_stderr():
        converted = unpack(converter.convert())
    _fill_in(converted, constants, states)
    return converted


def _with_constants(form: structured_ops.LoweredLayer, tensors: list):
    return lambda x: form.call(x, *tensors)


@contextmanager
def _replaced(layers: list, calls: list) -> Iterator[None]:
    """The layers, however deep inside a model, do these calls."""
    try:
        for layer, call in zip(layers, calls, strict=True):
            layer.call = call
        yield
    finally:
        for layer in layers:
            vars(layer).pop("call", None)


def _fill_in(model, constants: dict[str, np.ndarray], states: list[str]) -> None:
    """Turn the inputs that are named so into constants, and put the others in order."""
    (graph,), (signature,) = model.subgraphs, model.signatureDefs
    for entry in signature.inputs:
        name = entry.name.decode()
        if name in constants:
            tensor = graph.tensors[entry.tensorIndex]
            model.buffers[tensor.buffer].data = constants[name].tobytes()
    inputs = {entry.name.decode(): entry for entry in signature.inputs}
    outputs = {entry.name.decode(): entry for entry in signature.outputs}
    signature.inputs = [inputs[name] for name in ["features", *states]]
    signature.outputs = [outputs[name] for name in ["scores", *states]]
    graph.inputs = [entry.tensorIndex for entry in signature.inputs]
    graph.outputs = [entry.tensorIndex for entry in signature.outputs]

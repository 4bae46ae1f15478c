"""Smaller numbers in a converted model: float16 or int8 constants, int8 arithmetic.

Done on the ``ModelT`` itself, since TensorFlow's converter can neither calibrate a graph with a
custom op nor leave the inside of a structured product alone.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from flatbuffers import flexbuffers

from kws.tflite.calibrate import ranges
from kws.tflite.forms import OP_NAME
from kws.tflite.graph import Graph
from kws.tflite.integer import CHANNEL_AXES, compute_in_int8

Quantization = Literal["none", "float16", "dynamic", "int8", "compact"]

# A constant that is unpacked when the model loads costs its file an operator and a tensor.
UNPACKING_BYTES = 110
# Of a constant's root mean square: where one scale for all of it errs by more, each channel gets
# its own. On words-12 even 2% costs nothing, on commands-12 half a point of accuracy.
LARGEST_ERROR = 0.015
CUSTOM_OP_VERSION = 2  # of KwsToeplitzLike with other than float32 generators


def quantize_model(model, quantize: Quantization, representative: np.ndarray | None) -> None:
    """Quantize a float32 ``ModelT`` in place.

    - ``float16``: every constant of some size, unpacked when the model loads; computes in float32.
    - ``dynamic``: weights of products and convolutions in int8, a scale per channel, other
      constants in float16; the runtime quantizes what enters a product on the fly.
    - ``int8``: integer arithmetic throughout but for structured products, whose generators are
      int8; ranges from ``representative`` (clips, frames, bands).
    - ``compact``: every constant of some size in int8, with one scale where that is enough,
      unpacked when the model loads; computes in float32. The smallest file.

    int8 generators have a scale per row. The model's input and output stay float32.
    """
    if quantize == "none":
        return
    graph = Graph(model)
    calibrated = ranges(model, representative) if quantize == "int8" else {}
    _store_generators(graph, np.float16 if quantize == "float16" else np.int8)
    if quantize == "int8":
        compute_in_int8(graph, calibrated)
    if quantize == "dynamic":
        _store_product_weights(graph)
    if quantize == "compact":
        _store_rest(graph, _as_int8)
    else:
        _store_rest(graph, _as_float16)


def _store_generators(graph: Graph, kind) -> None:
    """The op takes generators in float16, or in int8 with an input of scales more."""
    for operator in graph.operators_of(OP_NAME):
        x, g, h, *bias = operator.inputs
        options = flexbuffers.Loads(bytes(operator.customOptions))
        inputs = [x]
        generators = [graph.constant(index) for index in (g, h)]
        if kind is np.float16:
            inputs += [graph.add_constant(values.astype(np.float16)) for values in generators]
        else:
            scales = np.stack([np.maximum(np.abs(v).max(1), 1e-12) / 127 for v in generators])
            scales = scales.astype(np.float32)
            for values, scale in zip(generators, scales, strict=True):
                inputs.append(graph.add_constant(np.rint(values / scale[:, None]).astype(np.int8)))
            inputs.append(graph.add_constant(scales))
        operator.inputs = [*inputs, *bias]
        operator.customOptions = flexbuffers.Dumps(
            {
                "version": CUSTOM_OP_VERSION,
                "units": options["units"],
                "scaled": int(kind is np.int8),
                "bias": len(bias),
            }
        )
        graph.code(operator).version = CUSTOM_OP_VERSION


def _store_product_weights(graph: Graph) -> None:
    """int8 weights for the kernels that mix them with float32 activations."""
    for operator in graph.operators_of("FULLY_CONNECTED", "CONV_2D"):
        weights = operator.inputs[1]
        if graph.is_constant(weights) and graph.constant(weights).nbytes > 4 * UNPACKING_BYTES:
            operator.inputs[1] = graph.add_int8_weights(graph.constant(weights), axis=0)
            graph.raise_version(operator, {"FULLY_CONNECTED": 9, "CONV_2D": 5})


def _store_rest(graph: Graph, store: Callable[[Graph, np.ndarray, int | None], int]) -> None:
    """Fewer bytes for what is still a float32 constant, if it is large enough to gain by it.

    store: adds the constant to the graph in its new type, given the axis of its channels, if it
    has any.
    """
    axes: dict[int, int | None] = {}
    for operator in graph.operators:
        kind = graph.kind(operator)
        # Not the bias of a product with int8 weights: XNNPACK wants it as it is.
        if kind == OP_NAME or graph.has_int8_weights(operator):
            continue
        for place, index in enumerate(operator.inputs):
            if graph.is_float(index) and graph.is_constant(index):
                axes[index] = CHANNEL_AXES.get(kind) if place == 1 else None
    for index, axis in sorted(axes.items()):
        values = graph.constant(index)
        stored = store(graph, values, axis)
        if values.nbytes - graph.stored_bytes(stored) > UNPACKING_BYTES:
            graph.forget_contents(index)
            graph.operators.insert(0, graph.operator("DEQUANTIZE", [stored], [index], version=5))


def _as_float16(graph: Graph, values: np.ndarray, axis: int | None) -> int:
    # The filters too: per channel, an int8 weight would bring a scale and a zero point, 12 bytes
    # for a filter of 9 taps.
    return graph.add_constant(values.astype(np.float16))


def _as_int8(graph: Graph, values: np.ndarray, axis: int | None) -> int:
    """With one scale where that is exact enough, otherwise with one for each index of ``axis``."""
    error = np.abs(values).max() / 127 / np.sqrt(12)
    exact = error <= LARGEST_ERROR * np.sqrt(np.mean(np.square(values)))
    return graph.add_int8_weights(values, None if exact else axis)

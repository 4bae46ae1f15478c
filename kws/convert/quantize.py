"""Smaller numbers in a converted model: float16 or int8 constants, int8 arithmetic.

Done on the ``ModelT`` itself, since TensorFlow's converter can neither calibrate a graph with a
custom op nor leave the inside of a structured product alone.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from flatbuffers import flexbuffers

from kws.convert.calibrate import ranges
from kws.tflite.graph import Graph, quantization
from kws.tflite.ops import FLOAT_SCOPE, QUANTIZED_VERSION, TOEPLITZ_LIKE

Quantization = Literal["none", "float16", "dynamic", "int8", "compact"]

# A constant that is unpacked when the model loads costs its file an operator and a tensor.
UNPACKING_BYTES = 110
# Of a constant's root mean square: where one scale for all of it errs by more, each channel gets
# its own. On words-12 even 2% costs nothing, on commands-12 half a point of accuracy.
LARGEST_ERROR = 0.015


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
    for operator in graph.operators_of(TOEPLITZ_LIKE):
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
                "version": QUANTIZED_VERSION,
                "units": options["units"],
                "scaled": int(kind is np.int8),
                "bias": len(bias),
            }
        )
        graph.code(operator).version = QUANTIZED_VERSION


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
        if kind == TOEPLITZ_LIKE or graph.has_int8_weights(operator):
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


# The axis of a product's weights along which its output channels run.
CHANNEL_AXES = {"FULLY_CONNECTED": 0, "CONV_2D": 0, "DEPTHWISE_CONV_2D": 3}
# The version of an operator that knows int8.
_VERSIONS = {
    "FULLY_CONNECTED": 4,
    "CONV_2D": 3,
    "DEPTHWISE_CONV_2D": 3,
    "ADD": 2,
    "MEAN": 2,
    "SOFTMAX": 2,
    "PAD": 2,
    "STRIDED_SLICE": 2,
    "AVERAGE_POOL_2D": 2,
}
_COMPUTING = {*CHANNEL_AXES, "ADD", "MEAN"}
# These are worth int8 only behind something that is; all but SOFTMAX keep values as they are.
_FOLLOWING = {"RESHAPE", "PAD", "STRIDED_SLICE", "AVERAGE_POOL_2D", "SOFTMAX"}


def compute_in_int8(graph: Graph, ranges: dict[int, tuple[float, float]]) -> None:
    """Rewrite the graph in place; ``ranges`` as from calibrate.ranges."""
    _Rewriting(graph, ranges).run()


class _Rewriting:
    def __init__(self, graph: Graph, ranges: dict[int, tuple[float, float]]):
        self._graph = graph
        self._ranges = ranges
        self._operators: list = []
        self._as_int8: dict[int, int] = {}  # the tensor that holds another's value
        self._as_float: dict[int, int] = {}

    def run(self) -> None:
        graph = self._graph
        for operator in list(graph.operators):
            if self._is_for_int8(operator):
                self._quantize(operator)
            else:
                operator.inputs = [self._float(index) for index in operator.inputs]
            self._operators.append(operator)
        graph.outputs = [self._float(index) for index in graph.outputs]
        graph.operators = self._operators

    def _is_for_int8(self, operator) -> bool:
        graph, kind = self._graph, self._graph.kind(operator)
        if FLOAT_SCOPE in graph.name(operator.outputs[0]):
            return False
        if kind in CHANNEL_AXES:
            return graph.is_constant(operator.inputs[1])
        if kind == "ADD":
            return not any(graph.is_constant(index) for index in operator.inputs)
        return kind in _COMPUTING or (kind in _FOLLOWING and operator.inputs[0] in self._as_int8)

    def _quantize(self, operator) -> None:
        graph, kind = self._graph, self._graph.kind(operator)
        source, output = operator.inputs[0], operator.outputs[0]
        operator.inputs = [
            self._int8(index) if index in self._ranges else index for index in operator.inputs
        ]
        if kind in CHANNEL_AXES:
            self._quantize_weights(operator, CHANNEL_AXES[kind])
        if kind == "SOFTMAX":
            parameters = quantization([1 / 256], -128)
        elif kind in _FOLLOWING:
            parameters = self._parameters(source)
        else:
            parameters = _activation(*self._ranges[output])
        self._make_int8(output, parameters)
        graph.raise_version(operator, _VERSIONS)

    def _quantize_weights(self, operator, axis: int) -> None:
        graph = self._graph
        weights = graph.add_int8_weights(graph.constant(operator.inputs[1]), axis)
        bias = operator.inputs[2] if len(operator.inputs) > 2 else -1
        scales = graph.tensors[weights].quantization.scale * self._scale(operator.inputs[0])
        operator.inputs[1] = weights
        if bias >= 0:
            values = np.rint(graph.constant(bias) / scales).astype(np.int32)
            operator.inputs[2] = graph.add_constant(values, quantization(scales, 0))

    def _int8(self, index: int) -> int:
        """The tensor with this value in int8, made by a QUANTIZE where there is none yet."""
        if index not in self._as_int8:
            parameters = _activation(*self._ranges[index])
            made = self._graph.add_tensor(self._graph.shape(index), "int8", parameters)
            self._operators.append(self._graph.operator("QUANTIZE", [index], [made]))
            self._as_int8[index] = made
        return self._as_int8[index]

    def _float(self, index: int) -> int:
        """The tensor with this value in float32, made by a DEQUANTIZE where it is int8 only."""
        if self._as_int8.get(index) != index:
            return index
        if index not in self._as_float:
            made = self._graph.add_tensor(self._graph.shape(index), "float32")
            self._operators.append(self._graph.operator("DEQUANTIZE", [index], [made], version=2))
            self._as_float[index] = made
        return self._as_float[index]

    def _make_int8(self, index: int, parameters) -> None:
        tensor = self._graph.tensors[index]
        tensor.type, tensor.quantization = self._graph.INT8, parameters
        self._as_int8[index] = index

    def _parameters(self, index: int):
        kept = self._graph.tensors[self._as_int8[index]].quantization
        return quantization(kept.scale, int(kept.zeroPoint[0]))

    def _scale(self, index: int) -> np.float32:
        return self._graph.tensors[index].quantization.scale[0]


def _activation(low: float, high: float):
    """int8 from −128 to 127 over a range that includes zero, zero being exact."""
    scale = max(high - low, 1e-6) / 255
    return quantization([scale], int(np.clip(round(-128 - low / scale), -128, 127)))

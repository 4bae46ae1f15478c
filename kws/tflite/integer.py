"""A float32 graph with its ordinary operators in int8 arithmetic.

The scheme is TFLite's (Jacob et al. 2018): activations int8 with a scale and a zero point,
weights symmetric with a scale per output channel, biases int32. Structured products, and
whatever else is not in the tables below, stay float32 between DEQUANTIZE and QUANTIZE.
"""

import numpy as np

from kws.tflite.forms import FLOAT_SCOPE
from kws.tflite.graph import Graph, quantization

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

"""A converted model's one graph, with the few edits that quantization makes."""

import math

import numpy as np
from ai_edge_litert import schema_py_generated as schema

_NAMES = {number: name for name, number in vars(schema.BuiltinOperator).items()}
_TYPES = {
    "float64": schema.TensorType.FLOAT64,
    "float32": schema.TensorType.FLOAT32,
    "float16": schema.TensorType.FLOAT16,
    "int32": schema.TensorType.INT32,
    "int8": schema.TensorType.INT8,
}

# Older runtimes read a code of one byte; numbers beyond it are there as this one.
_MOST_DEPRECATED = schema.BuiltinOperator.PLACEHOLDER_FOR_GREATER_OP_CODES


class Graph:
    """Tensors by index and operators in order, of a ``ModelT`` with one subgraph."""

    INT8 = schema.TensorType.INT8

    def __init__(self, model):
        self._model = model
        (self._graph,) = model.subgraphs
        self.tensors = self._graph.tensors
        # From the file the lists come as arrays.
        for operator in self._graph.operators:
            operator.inputs, operator.outputs = list(operator.inputs), list(operator.outputs)

    @property
    def operators(self) -> list:
        return self._graph.operators

    @operators.setter
    def operators(self, operators: list) -> None:
        self._graph.operators = operators

    @property
    def inputs(self) -> list[int]:
        return self._graph.inputs

    @property
    def outputs(self) -> list[int]:
        return self._graph.outputs

    @outputs.setter
    def outputs(self, outputs: list[int]) -> None:
        self._graph.outputs = outputs
        self._model.signatureDefs[0].outputs[0].tensorIndex = outputs[0]

    def code(self, operator):
        return self._model.operatorCodes[operator.opcodeIndex]

    def kind(self, operator) -> str:
        """The operator's name, TFLite's or the custom one."""
        code = self.code(operator)
        if code.customCode:
            return code.customCode.decode()
        return _NAMES[max(code.builtinCode, code.deprecatedBuiltinCode)]

    def operators_of(self, *kinds: str) -> list:
        return [operator for operator in self.operators if self.kind(operator) in kinds]

    def name(self, index: int) -> str:
        return (self.tensors[index].name or b"").decode()

    def shape(self, index: int) -> tuple[int, ...]:
        shape = self.tensors[index].shape
        return () if shape is None else tuple(map(int, shape))

    def is_constant(self, index: int) -> bool:
        return index >= 0 and self._model.buffers[self.tensors[index].buffer].data is not None

    def is_float(self, index: int) -> bool:
        return index >= 0 and self.tensors[index].type == schema.TensorType.FLOAT32

    def has_int8_weights(self, operator) -> bool:
        second = operator.inputs[1] if len(operator.inputs) > 1 else -1
        return self.is_constant(second) and self.tensors[second].type == self.INT8

    def is_weight(self, index: int) -> bool:
        """Whether a constant is of the network, not a shape or an axis."""
        tensor = self.tensors[index]
        scaled = tensor.quantization is not None and tensor.quantization.scale is not None
        return tensor.type != schema.TensorType.INT32 or scaled

    def stored_bytes(self, index: int) -> int:
        """Bytes of a constant with its scales."""
        tensor = self.tensors[index]
        scales = None if tensor.quantization is None else tensor.quantization.scale
        data = self._model.buffers[tensor.buffer].data
        return len(data) + (0 if scales is None else 4 * len(scales))

    def item_bytes(self, index: int) -> int:
        """Bytes of one number of a constant."""
        data = self._model.buffers[self.tensors[index].buffer].data
        return len(data) // math.prod(self.shape(index))

    def constant(self, index: int) -> np.ndarray:
        """A float32 constant's values."""
        data = self._model.buffers[self.tensors[index].buffer].data
        return np.frombuffer(bytes(data), np.float32).reshape(self.shape(index))

    def integers(self, index: int) -> np.ndarray:
        """An int32 constant's values."""
        data = self._model.buffers[self.tensors[index].buffer].data
        return np.frombuffer(bytes(data), np.int32).reshape(self.shape(index))

    def forget_contents(self, index: int) -> None:
        """Make a constant something that is computed."""
        self.tensors[index].buffer = 0

    def add_tensor(self, shape: tuple[int, ...], kind: str, quantization=None) -> int:
        tensor = schema.TensorT()
        tensor.shape, tensor.type, tensor.buffer = list(shape), _TYPES[kind], 0
        tensor.quantization = quantization
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def add_constant(self, values: np.ndarray, quantization=None) -> int:
        index = self.add_tensor(values.shape, values.dtype.name, quantization)
        buffer = schema.BufferT()
        buffer.data = np.ascontiguousarray(values).tobytes()
        self.tensors[index].buffer = len(self._model.buffers)
        self._model.buffers.append(buffer)
        return index

    def add_int8_weights(self, values: np.ndarray, axis: int | None) -> int:
        """Symmetric int8 with a scale for each index of ``axis``, or with one scale."""
        others = tuple(k for k in range(values.ndim) if k != axis)
        largest = np.maximum(np.abs(values).max(others, keepdims=True), 1e-12)
        scales = (largest / 127).astype(np.float32)
        quantized = np.rint(values / scales).astype(np.int8)
        return self.add_constant(quantized, quantization(scales.ravel(), 0, axis or 0))

    def operator(self, kind: str, inputs: list[int], outputs: list[int], version: int = 1):
        """A new operator without options, not yet placed."""
        operator = schema.OperatorT()
        operator.inputs, operator.outputs = inputs, outputs
        operator.opcodeIndex = self._code_index(getattr(schema.BuiltinOperator, kind))
        self.raise_version(operator, {kind: version})
        return operator

    def custom_operator(self, name: str, version: int, inputs: list[int], outputs: list[int]):
        """The same, of a custom operator."""
        operator = schema.OperatorT()
        operator.inputs, operator.outputs = inputs, outputs
        operator.opcodeIndex = self._code_index(schema.BuiltinOperator.CUSTOM, name.encode())
        self.code(operator).version = version
        return operator

    def _code_index(self, number: int, name: bytes | None = None) -> int:
        """The place in the table of operator codes, made where there is none yet."""
        for index, code in enumerate(self._model.operatorCodes):
            if max(code.builtinCode, code.deprecatedBuiltinCode) == number and (
                code.customCode == name
            ):
                return index
        code = schema.OperatorCodeT()
        code.builtinCode, code.deprecatedBuiltinCode = number, min(number, _MOST_DEPRECATED)
        code.customCode = name
        self._model.operatorCodes.append(code)
        return len(self._model.operatorCodes) - 1

    def raise_version(self, operator, versions: dict[str, int]) -> None:
        """The least version of an operator that knows what it is now given."""
        code = self.code(operator)
        code.version = max(code.version, versions.get(self.kind(operator), 1))


def empty_model():
    """A ``ModelT`` without operators, for a Graph to fill."""
    model = schema.ModelT()
    model.version, model.buffers, model.operatorCodes = 3, [schema.BufferT()], []
    graph = schema.SubGraphT()
    graph.tensors, graph.operators, graph.inputs, graph.outputs = [], [], [], []
    model.subgraphs = [graph]
    return model


def quantization(scales: np.ndarray, zero: int, axis: int = 0):
    """How a tensor's integers q stand for reals: ``scale · (q − zero)``, per index of ``axis``."""
    parameters = schema.QuantizationParametersT()
    parameters.scale = np.asarray(scales, np.float32)
    parameters.zeroPoint = np.full(len(parameters.scale), zero, np.int64)
    parameters.quantizedDimension = axis
    return parameters

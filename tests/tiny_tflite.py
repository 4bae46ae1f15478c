"""Small .tflite files with only one of our ops in them, made without TensorFlow."""

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import flexbuffers

from kws.tflite.pack import pack


class Graph:
    """Builds a one-subgraph model: tensors and nodes are added, then ``bytes()``."""

    def __init__(self, op: str = "KwsToeplitzLike") -> None:
        self._model = schema.ModelT()
        self._model.version = 3
        self._model.buffers = [schema.BufferT()]
        code = schema.OperatorCodeT()
        code.builtinCode = schema.BuiltinOperator.CUSTOM
        code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
        code.customCode = op.encode()
        self._model.operatorCodes = [code]
        self._graph = schema.SubGraphT()
        self._graph.tensors, self._graph.operators = [], []
        self._graph.inputs, self._graph.outputs = [], []
        self._model.subgraphs = [self._graph]

    def tensor(self, shape: tuple, constant: np.ndarray | None = None, kind: int = 0) -> int:
        tensor = schema.TensorT()
        tensor.shape, tensor.type, tensor.buffer = list(shape), kind, 0
        if constant is not None:
            buffer = schema.BufferT()
            buffer.data = np.ascontiguousarray(constant).tobytes()
            tensor.buffer = len(self._model.buffers)
            self._model.buffers.append(buffer)
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def constant(self, values: np.ndarray) -> int:
        kind = {"float32": 0, "float16": 1, "int32": 2, "int8": 9, "float64": 10}[values.dtype.name]
        return self.tensor(values.shape, values, kind)

    def input(self, shape: tuple, kind: int = 0) -> int:
        self._graph.inputs.append(self.tensor(shape, kind=kind))
        return self._graph.inputs[-1]

    def node(self, inputs: list[int], output: int, options: Any) -> None:
        """options: a dict for a flexbuffer map, or bytes as they are."""
        node = schema.OperatorT()
        node.inputs, node.outputs = inputs, [output]
        node.customOptions = options if isinstance(options, bytes) else flexbuffers.Dumps(options)
        self._graph.operators.append(node)

    def output(self, tensor: int) -> None:
        self._graph.outputs.append(tensor)

    def bytes(self) -> bytes:
        return pack(self._model)


def chain(layers: list[tuple], shape: tuple[int, ...]) -> bytes:
    """Layers (g, h, bias or None, units) one after another on an input of ``shape``."""
    graph = Graph()
    x = graph.input(shape)
    for g, h, bias, units in layers:
        shape = (*shape[:-1], units)
        weights = [graph.constant(w) for w in (g, h, bias) if w is not None]
        y = graph.tensor(shape)
        graph.node([x, *weights], y, {"version": 1, "units": units})
        x = y
    graph.output(x)
    return graph.bytes()

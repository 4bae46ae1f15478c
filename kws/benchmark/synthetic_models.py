"""Small .tflite files for measuring one kind of operator: so many of it, one after another."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import flexbuffers

from kws.tflite.graph import Graph, empty_model, quantization
from kws.tflite.ops import TOEPLITZ_LIKE
from kws.tflite.pack import pack

# A normal activation of deviation 1, in int8.
_INT8_SCALE = 4 / 127


def structured(n: int, rank: int, batch: int, count: int) -> bytes:
    """``count`` KwsToeplitzLike of size n on a batch, each with its own generators."""
    rng = np.random.default_rng(0)
    deviation = (rank * n * n) ** -0.25

    def layer(graph: Graph, x: int) -> int:
        generators = rng.normal(0, deviation, (2, rank, n)).astype(np.float32)
        y = graph.add_tensor((batch, n), "float32")
        inputs = [x, *(graph.add_constant(values) for values in generators)]
        node = graph.custom_operator(TOEPLITZ_LIKE, 1, inputs, [y])
        node.customOptions = flexbuffers.Dumps({"version": 1, "units": n})
        graph.operators.append(node)
        return y

    return _chain(layer, (batch, n), "float32", count)


def dense(n: int, batch: int, count: int) -> bytes:
    """``count`` float32 FULLY_CONNECTED."""
    rng = np.random.default_rng(0)

    def layer(graph: Graph, x: int) -> int:
        weights = rng.standard_normal((n, n), np.float32) / np.float32(n**0.5)
        return _fully_connected(graph, x, graph.add_constant(weights), (batch, n), 1)

    return _chain(layer, (batch, n), "float32", count)


def dense_int8(n: int, batch: int, count: int) -> bytes:
    """``count`` FULLY_CONNECTED from int8 to int8, a scale per output channel."""
    rng = np.random.default_rng(0)

    def layer(graph: Graph, x: int) -> int:
        weights = rng.standard_normal((n, n), np.float32) / np.float32(n**0.5)
        return _fully_connected(graph, x, graph.add_int8_weights(weights, 0), (batch, n), 4)

    return _chain(layer, (batch, n), "int8", count)


def nothing(n: int, batch: int) -> bytes:
    """No operator at all: what calling the interpreter costs."""
    return _chain(None, (batch, n), "float32", 0)


def _chain(layer, shape: tuple[int, int], kind: str, count: int) -> bytes:
    model = empty_model()
    graph = Graph(model)
    x = y = graph.add_tensor(shape, kind, _activations(kind))
    for _ in range(count):
        y = layer(graph, y)
    model.subgraphs[0].inputs, model.subgraphs[0].outputs = [x], [y]
    return pack(model)


def _fully_connected(graph: Graph, x: int, weights: int, shape: tuple, version: int) -> int:
    kind = "int8" if version == 4 else "float32"
    y = graph.add_tensor(shape, kind, _activations(kind))
    node = graph.operator("FULLY_CONNECTED", [x, weights, -1], [y], version)
    node.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    node.builtinOptions = schema.FullyConnectedOptionsT()
    graph.operators.append(node)
    return y


def _activations(kind: str):
    return quantization([_INT8_SCALE], 0) if kind == "int8" else None

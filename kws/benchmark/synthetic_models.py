"""Small .tflite files for measuring one kind of operator: a chain of equal layers of size n.

Each layer has its own random weights. A chain takes and gives (batch, n).
"""

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import flexbuffers

from kws.tflite.graph import Graph, empty_model, quantization
from kws.tflite.ops import TOEPLITZ_LIKE
from kws.tflite.pack import pack

# The cases of ``kws bench ops``, timed or counted.
SIZES = (64, 100, 128, 256, 300, 512, 1024, 1674, 2048)
RANKS = (1, 2, 4, 8)
BATCHES = (1, 98)
QUICK_SIZES, QUICK_RANKS = (64, 256, 1024), (1, 4)

# Of activations with a deviation of 1.
_INT8_SCALE = 4 / 127


def toeplitz_like(n: int, rank: int, batch: int, count: int = 1) -> bytes:
    """``count`` KwsToeplitzLike with generators in float32."""
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


def dense(n: int, batch: int, count: int = 1, kind: str = "float32") -> bytes:
    """``count`` FULLY_CONNECTED in float32, or from int8 to int8 with a scale per output."""
    rng = np.random.default_rng(0)

    def layer(graph: Graph, x: int) -> int:
        weights = rng.standard_normal((n, n), np.float32) / np.float32(n**0.5)
        int8 = kind == "int8"
        stored = graph.add_int8_weights(weights, 0) if int8 else graph.add_constant(weights)
        y = graph.add_tensor((batch, n), kind, _activations(kind))
        node = graph.operator("FULLY_CONNECTED", [x, stored, -1], [y], 4 if int8 else 1)
        node.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
        node.builtinOptions = schema.FullyConnectedOptionsT()
        graph.operators.append(node)
        return y

    return _chain(layer, (batch, n), kind, count)


def no_operator(n: int, batch: int) -> bytes:
    """A model without operators: what a call of the interpreter costs."""
    return _chain(None, (batch, n), "float32", 0)


def _chain(layer, shape: tuple[int, int], kind: str, count: int) -> bytes:
    model = empty_model()
    graph = Graph(model)
    x = y = graph.add_tensor(shape, kind, _activations(kind))
    for _ in range(count):
        y = layer(graph, y)
    model.subgraphs[0].inputs, model.subgraphs[0].outputs = [x], [y]
    return pack(model)


def _activations(kind: str):
    return quantization([_INT8_SCALE], 0) if kind == "int8" else None

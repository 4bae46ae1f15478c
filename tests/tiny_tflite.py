"""Small .tflite files with only one of our ops in them, made without TensorFlow."""

from typing import Any

from flatbuffers import flexbuffers

from kws.tflite.graph import Graph, empty_model
from kws.tflite.ops import TOEPLITZ_LIKE
from kws.tflite.pack import pack


class OpGraph(Graph):
    """A graph whose nodes are all of one custom operator."""

    def __init__(self, op: str = TOEPLITZ_LIKE) -> None:
        self._op, self._empty = op, empty_model()
        super().__init__(self._empty)

    def add_input(self, shape: tuple, kind: str = "float32") -> int:
        self.inputs.append(self.add_tensor(shape, kind))
        return self.inputs[-1]

    def add_node(self, inputs: list[int], shape: tuple, options: Any) -> int:
        """Its output of that shape. options: a dict for a flexbuffer map, or bytes as they are."""
        y = self.add_tensor(shape, "float32")
        node = self.custom_operator(self._op, 1, inputs, [y])
        node.customOptions = options if isinstance(options, bytes) else flexbuffers.Dumps(options)
        self.operators.append(node)
        return y

    def file(self, *outputs: int) -> bytes:
        self.outputs.extend(outputs)
        return pack(self._empty)


def chain(layers: list[tuple], shape: tuple[int, ...]) -> bytes:
    """Layers (g, h, bias or None, units) one after another on an input of ``shape``."""
    graph = OpGraph()
    x = graph.add_input(shape)
    for g, h, bias, units in layers:
        shape = (*shape[:-1], units)
        weights = [graph.add_constant(w) for w in (g, h, bias) if w is not None]
        x = graph.add_node([x, *weights], shape, {"version": 1, "units": units})
    return graph.file(x)

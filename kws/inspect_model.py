"""What a .tflite consists of, operator by operator, and what it costs."""

import math
from dataclasses import dataclass

import numpy as np

from kws import model_file


@dataclass(frozen=True)
class LayerRow:
    """One operator of the model.

    kind: its name, as TFLite has it or the project's own. n, rank: size and displacement rank of
    a structured layer, otherwise None. parameters, bytes: of its constants, counted where first
    used. macs: multiply-accumulates of one inference in products with weights. ffts: transforms
    of length n / 2 in one inference, which a structured layer takes instead where the op library
    finds them faster. dense_*: what a dense layer of the same shape has; equal to the layer's
    own where it is not structured.
    """

    kind: str
    output: tuple[int, ...]
    n: int | None
    rank: int | None
    parameters: int
    bytes: int
    macs: int
    ffts: int
    dense_parameters: int
    dense_bytes: int
    dense_macs: int


def inspect(data: bytes) -> list[LayerRow]:
    """The operators of a .tflite in the order of execution, for a batch as in the file.

    Structured layers that were lowered as dense are ordinary FULLY_CONNECTED rows: the file does
    not say where its matrices come from.
    """
    from ai_edge_litert import schema_py_generated as schema

    names = {number: name for name, number in vars(schema.BuiltinOperator).items()}
    model = model_file.unpack(data)
    graph = model.subgraphs[0]
    seen: set[int] = set()
    rows = []
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        number = max(code.builtinCode, code.deprecatedBuiltinCode)
        kind = code.customCode.decode() if code.customCode else names[number]
        shapes, parameters, size = [], 0, 0
        for index in operator.inputs:
            if index < 0:
                continue
            tensor = graph.tensors[index]
            shapes.append(_shape(tensor))
            contents = model.buffers[tensor.buffer].data
            if contents is not None and index not in seen:
                seen.add(index)
                size += len(contents)
                parameters += math.prod(shapes[-1]) if tensor.type in _WEIGHTS else 0
        output = _shape(graph.tensors[operator.outputs[0]])
        rows.append(_row(kind, shapes, output, parameters, size))
    return rows


_CROSSING = 128  # as in export/ldr/toeplitz_like.c
_WEIGHTS = (0, 1, 9)  # schema.TensorType: FLOAT32, FLOAT16, INT8; others are shapes and axes


def _row(kind: str, shapes: list, output: tuple, parameters: int, size: int) -> LayerRow:
    n = rank = None
    macs = ffts = 0
    dense = None
    if kind == "FULLY_CONNECTED":
        macs = math.prod(output) * shapes[1][-1]
    elif kind == "CONV_2D":
        macs = math.prod(output) * math.prod(shapes[1][1:])
    elif kind == "DEPTHWISE_CONV_2D":
        macs = math.prod(output) * math.prod(shapes[1][1:3])
    elif kind == "KwsToeplitzLike":
        x, (rank, n) = shapes[0], shapes[1]
        vectors, inputs, units = math.prod(x[:-1]), x[-1], output[-1]
        bias = units if len(shapes) == 4 else 0
        dense = (inputs * units + bias, 4 * (inputs * units + bias), vectors * inputs * units)
        if n & (n - 1) == 0 and inputs * units >= _CROSSING * (rank + 1) * n:
            ffts = vectors * (2 * rank + 2)
        else:
            macs = dense[2]
    return LayerRow(
        kind, output, n, rank, parameters, size, macs, ffts, *(dense or (parameters, size, macs))
    )


def _shape(tensor) -> tuple[int, ...]:
    return () if tensor.shape is None else tuple(int(d) for d in np.atleast_1d(tensor.shape))

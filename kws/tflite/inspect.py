"""What a .tflite consists of, operator by operator, and what it costs."""

import math
from dataclasses import dataclass, replace

from flatbuffers import flexbuffers

from kws.tflite.graph import Graph
from kws.tflite.ops import TEMPORAL_STEP, TOEPLITZ_LIKE
from kws.tflite.pack import unpack


@dataclass(frozen=True)
class LayerRow:
    """One operator of the model.

    kind: its name, as TFLite has it or the project's own. n, rank: size and displacement rank of
    a structured layer, otherwise None. parameters, bytes: of its constants, counted where first
    used. macs: multiply-accumulates of one inference in products. ffts: transforms of length n / 2
    (the next power of two above n where n is none) in one inference, given instead where they
    take fewer multiplications than the matrix; which of the two is faster, the op library
    decides on its processor. dense_*: what a dense layer of the same shape has, in numbers of
    the same size; equal to the layer's own where it is not structured.
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


def inspect_model(data: bytes) -> list[LayerRow]:
    """The operators of a .tflite in the order of execution, for a batch as in the file.

    Constants that a DEQUANTIZE unpacks when the model loads count where they are used, as they
    are stored. Structured layers that were lowered as dense are ordinary FULLY_CONNECTED rows,
    and those lowered as builtin a dozen ordinary operators: the file does not say where its
    matrices come from.
    """
    graph = Graph(unpack(data))
    stored = {
        operator.outputs[0]: operator.inputs[0]
        for operator in graph.operators_of("DEQUANTIZE")
        if graph.is_constant(operator.inputs[0])
    }
    seen: set[int] = set()
    rows = []
    for operator in graph.operators:
        if operator.outputs[0] in stored:
            continue
        inputs = [stored.get(index, index) for index in operator.inputs if index >= 0]
        own = [index for index in inputs if graph.is_constant(index) and index not in seen]
        seen.update(own)
        size = sum(graph.stored_bytes(index) for index in own)
        shapes = [graph.shape(index) for index in inputs]
        kind, output = graph.kind(operator), graph.shape(operator.outputs[0])
        if kind == TEMPORAL_STEP:
            rows.append(
                _step(shapes, output, flexbuffers.Loads(bytes(operator.customOptions)), size)
            )
        elif kind == TOEPLITZ_LIKE:
            rows.append(_structured(shapes, output, graph.item_bytes(inputs[1]), size))
        else:
            parameters = sum(math.prod(graph.shape(i)) for i in own if graph.is_weight(i))
            rows.append(_ordinary(kind, shapes, output, parameters, size))
    return rows


def _ordinary(kind: str, shapes: list, output: tuple, parameters: int, size: int) -> LayerRow:
    macs = 0
    if kind == "FULLY_CONNECTED":
        macs = math.prod(output) * shapes[1][-1]
    elif kind == "CONV_2D":
        macs = math.prod(output) * math.prod(shapes[1][1:])
    elif kind == "DEPTHWISE_CONV_2D":
        macs = math.prod(output) * math.prod(shapes[1][1:3])
    elif kind == "BATCH_MATMUL":
        macs = math.prod(output) * shapes[0][-1]
    return LayerRow(kind, output, None, None, parameters, size, macs, 0, parameters, size, macs)


def _step(shapes: list, output: tuple, options: dict, size: int) -> LayerRow:
    """Mix, filter and bias in one."""
    x, units = shapes[0], output[-1]
    # A stream's step has a state too; its outputs may be averaged before they come out.
    outputs = math.prod(x[:-1]) // options["stride"] * units if shapes[2:] else math.prod(output)
    filters, filtering = units * (options["taps"] + 1), outputs * options["taps"]
    if options["rank"]:
        n = max(x[-1], units)
        mix = _structured([x, (options["rank"], n), ()], output, 1, 2 * options["rank"] * n)
    else:
        mix = _ordinary(TEMPORAL_STEP, [x, (units, x[-1])], output, x[-1] * units, x[-1] * units)
        mix = replace(mix, macs=math.prod(x) * units, dense_macs=math.prod(x) * units)
    return replace(
        mix,
        kind=TEMPORAL_STEP,
        parameters=mix.parameters + filters,
        bytes=size,
        macs=mix.macs + filtering,
        dense_parameters=mix.dense_parameters + filters,
        dense_bytes=mix.dense_bytes + size - mix.bytes,
        dense_macs=mix.dense_macs + filtering,
    )


def _structured(shapes: list, output: tuple, item_bytes: int, size: int) -> LayerRow:
    x, (rank, n) = shapes[0], shapes[1]
    vectors, inputs, units = math.prod(x[:-1]), x[-1], output[-1]
    bias = units if len(shapes[-1]) == 1 else 0
    dense = inputs * units
    m = n // 2 if n & (n - 1) == 0 else 1 << n.bit_length()
    transforms = 2 * rank + 2
    by_transforms = transforms * 2 * m * math.log2(max(m, 1)) < dense
    return LayerRow(
        kind=TOEPLITZ_LIKE,
        output=output,
        n=n,
        rank=rank,
        parameters=2 * rank * n + bias,
        bytes=size,
        macs=0 if by_transforms else vectors * dense,
        ffts=vectors * transforms if by_transforms else 0,
        dense_parameters=dense + bias,
        dense_bytes=item_bytes * dense + 4 * bias,
        dense_macs=vectors * dense,
    )

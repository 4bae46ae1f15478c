"""The steps of the temporal network as one operator each, KwsTemporalStep, packed in bytes.

A step is a channel mix, a filter along time, a bias, a shortcut and ReLU. As TFLite's operators it
takes half a dozen of them with as many constants, and their tables in the file are larger than
the numbers of a small step.
"""

from dataclasses import dataclass

import numpy as np
from flatbuffers import flexbuffers

from kws.tflite.graph import Graph
from kws.tflite.ops import (
    STREAMING_STEP_VERSION,
    TEMPORAL_STEP,
    TEMPORAL_STEP_VERSION,
    TOEPLITZ_LIKE,
)

_NONE, _RELU = 0, 1  # fused activations
_VALID = 1


@dataclass(frozen=True)
class _Step:
    """What a step was made of: operators to drop, and its numbers."""

    operators: list
    x: int
    output: int
    mix: np.ndarray  # (2 rank, n): g above h; or for rank 0 (units, inputs)
    rank: int
    weights: np.ndarray  # (taps, units)
    bias: np.ndarray  # (units,)
    stride: int
    shortcut: bool


def fuse_steps(graph: Graph) -> None:
    """Replace every step of a float32 graph, in place; anything else stays as it is."""
    for operator in list(graph.operators):
        step = _step_from(graph, operator)
        if step is None:
            continue
        inputs = [step.x, _packed(graph, step)]
        made = graph.custom_operator(TEMPORAL_STEP, TEMPORAL_STEP_VERSION, inputs, [step.output])
        made.customOptions = flexbuffers.Dumps(
            {
                "version": TEMPORAL_STEP_VERSION,
                "units": step.weights.shape[1],
                "rank": step.rank,
                "taps": step.weights.shape[0],
                "stride": step.stride,
                "shortcut": int(step.shortcut),
            }
        )
        # Where the last of its operators was, everything that it takes has been computed.
        place = max(graph.operators.index(old) for old in step.operators)
        graph.operators[place] = made
        graph.operators = [op for op in graph.operators if op is made or op not in step.operators]


def _step_from(graph: Graph, mix) -> _Step | None:
    """The step that begins with this operator, if it begins one."""
    kernel = _kernel(graph, mix)
    if kernel is None:
        return None
    rank, numbers = kernel
    x = mix.inputs[0]
    filtering = _only_user(graph, mix.outputs[0], "DEPTHWISE_CONV_2D")
    if filtering is None or not _is_along_time(graph, filtering):
        return None
    weights = graph.constant(filtering.inputs[1])[0, 0]
    bias = graph.constant(filtering.inputs[2])
    stride = filtering.builtinOptions.strideW
    activation = filtering.builtinOptions.fusedActivationFunction
    if activation == _RELU:
        output = filtering.outputs[0]
        return _Step([mix, filtering], x, output, numbers, rank, weights, bias, stride, False)
    adding = _only_user(graph, filtering.outputs[0], "ADD")
    if activation != _NONE or stride != 1 or adding is None:
        return None
    if adding.builtinOptions.fusedActivationFunction != _RELU:
        return None
    (other,) = [index for index in adding.inputs if index != filtering.outputs[0]]
    operators = [mix, filtering, adding]
    if other != x:
        cropping = _cropping(graph, x, other, (len(weights) - 1) // 2)
        if cropping is None:
            return None
        operators.append(cropping)
    elif len(weights) != 1:
        return None
    return _Step(operators, x, adding.outputs[0], numbers, rank, weights, bias, 1, True)


def _kernel(graph: Graph, operator) -> tuple[int, np.ndarray] | None:
    """Rank and numbers of a mix without a bias."""
    kind = graph.kind(operator)
    if kind == TOEPLITZ_LIKE and len(operator.inputs) == 3:
        g, h = (graph.constant(index) for index in operator.inputs[1:])
        # A factor may move from a row of g to that of h: the same range lets them share a scale.
        ratio = np.sqrt(np.abs(h).max(1) / np.maximum(np.abs(g).max(1), 1e-12))[:, None]
        return len(g), np.concatenate([g * ratio, h / np.maximum(ratio, 1e-12)])
    if kind == "FULLY_CONNECTED" and graph.is_constant(operator.inputs[1]):
        plain = operator.builtinOptions.fusedActivationFunction == _NONE
        bias = operator.inputs[2] if len(operator.inputs) > 2 else -1
        if plain and (bias < 0 or not graph.constant(bias).any()):
            return 0, graph.constant(operator.inputs[1])
    return None


def _is_along_time(graph: Graph, filtering) -> bool:
    options, weights = filtering.builtinOptions, filtering.inputs[1]
    return (
        options.padding == _VALID
        and options.depthMultiplier == 1
        and options.dilationWFactor == options.dilationHFactor == 1
        and len(filtering.inputs) == 3
        and graph.is_constant(weights)
        and graph.shape(weights)[:2] == (1, graph.shape(weights)[1])
        and graph.shape(filtering.inputs[0])[1] == 1
    )


def _only_user(graph: Graph, index: int, kind: str):
    """The one operator that reads a tensor, if it is of that kind."""
    users = [operator for operator in graph.operators if index in operator.inputs]
    return users[0] if len(users) == 1 and graph.kind(users[0]) == kind else None


def _cropping(graph: Graph, x: int, cropped: int, before: int):
    """The operator that crops x in time, ``before`` steps from its start, to ``cropped``."""
    made = [operator for operator in graph.operators if cropped in operator.outputs]
    if len(made) != 1 or graph.kind(made[0]) != "STRIDED_SLICE" or made[0].inputs[0] != x:
        return None
    if _only_user(graph, cropped, "ADD") is None:
        return None
    begin = graph.integers(made[0].inputs[1])
    masked = made[0].builtinOptions.beginMask >> 2 & 1
    same = [graph.shape(x)[k] == graph.shape(cropped)[k] for k in (0, 1, 3)]
    whole = not (graph.integers(made[0].inputs[3]) != 1).any()
    return made[0] if all(same) and whole and (0 if masked else begin[2]) == before else None


def _packed(graph: Graph, step: _Step) -> int:
    """The step's numbers as export/ldr/step.h wants them."""
    scales, parts = [], []
    for values in (step.mix, step.weights, step.bias):
        scales.append(max(float(np.abs(values).max()), 1e-12) / 127)
        parts.append(np.rint(values / np.float32(scales[-1])).astype(np.int8).ravel())
    head = np.array(scales, "<f4").view(np.int8)
    return graph.add_constant(np.concatenate([head, *parts]))


def stream_steps(graph: Graph, frames: int) -> bool:
    """Make a graph of fused steps take ``frames`` new frames at a time, in place.

    frames: as of ``streaming_model``. Only for a network as ``kws.networks.temporal``
    builds it: frames joined, steps, a mean over time, a product. Returns False for any other, and
    where a step needs nothing of the past; the graph is of no use then.
    """
    chain = _chain(graph)
    if chain is None:
        return False
    joining, *steps, averaging, product = chain
    _, window, bands = graph.shape(graph.inputs[0])
    length = graph.shape(joining.outputs[0])[2]  # of a window, in steps of what is read
    joined = window // length
    count = frames // joined  # of these, new ones

    graph.tensors[graph.inputs[0]].shape = [1, frames, bands]
    graph.tensors[joining.outputs[0]].shape = [1, 1, count, joined * bands]
    joining.inputs[1] = graph.add_constant(np.int32([1, 1, count, joined * bands]))
    for step in steps:
        options = flexbuffers.Loads(bytes(step.customOptions))
        taps, stride, units = options["taps"], options["stride"], options["units"]
        read, length = length, graph.shape(step.outputs[0])[2]
        left_over = read - (length - 1) * stride - taps
        history = taps - stride + left_over
        count //= stride
        pool = length if step is steps[-1] else 0
        kept = pool - count if pool else 0
        rows = history + (taps // 2 if options["shortcut"] else 0) + kept
        if min(history, kept) < 0 or not rows:
            return False
        before, after = (graph.add_tensor((1, 1, rows, units), "float32") for _ in range(2))
        graph.inputs.append(before)
        graph.outputs = [*graph.outputs, after]
        graph.tensors[step.outputs[0]].shape = [1, 1, 1 if pool else count, units]
        step.inputs, step.outputs = [*step.inputs, before], [*step.outputs, after]
        options |= {"version": STREAMING_STEP_VERSION, "history": history, "pool": pool}
        step.customOptions = flexbuffers.Dumps(options)
        graph.code(step).version = STREAMING_STEP_VERSION
    product.inputs[0] = steps[-1].outputs[0]
    graph.operators = [operator for operator in graph.operators if operator is not averaging]
    return True


def _chain(graph: Graph) -> list | None:
    """From the features to the scores' product, operators that alone read what the last one gave.

    None if they are not those of the temporal network.
    """
    chain: list = []
    index = graph.inputs[0]
    while not chain or graph.kind(chain[-1]) != "FULLY_CONNECTED":
        readers = [operator for operator in graph.operators if index in operator.inputs]
        if len(readers) != 1:
            return None
        chain += readers
        index = readers[0].outputs[0]
    kinds = [graph.kind(operator) for operator in chain]
    steps = kinds.count(TEMPORAL_STEP)
    if not steps or kinds != ["RESHAPE", *[TEMPORAL_STEP] * steps, "MEAN", "FULLY_CONNECTED"]:
        return None
    joins_frames = graph.shape(chain[0].outputs[0])[:2] == (1, 1)
    averages_time = sorted(graph.integers(chain[-2].inputs[1])) == [1, 2]
    return chain if joins_frames and averages_time else None

"""A fused network on whole windows becomes one that goes on from states (``kws.streaming``).

What looks back in time is inside KwsTemporalStep, whose version 2 keeps its past in one state: as
operators of their own, histories, delays and the pooling would cost more bytes than a small step.
"""

import numpy as np
from flatbuffers import flexbuffers

from kws.tflite.fuse import STEP_NAME
from kws.tflite.graph import Graph

STREAM_VERSION = 2  # of KwsTemporalStep with a state


def stream_steps(graph: Graph, frames: int) -> bool:
    """Make a graph of fused steps take ``frames`` new frames at a time, in place.

    frames: as ``kws.streaming.stream`` takes them. Only for a network as ``kws.networks.temporal``
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
        options |= {"version": STREAM_VERSION, "history": history, "pool": pool}
        step.customOptions = flexbuffers.Dumps(options)
        graph.code(step).version = STREAM_VERSION
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
    steps = kinds.count(STEP_NAME)
    if not steps or kinds != ["RESHAPE", *[STEP_NAME] * steps, "MEAN", "FULLY_CONNECTED"]:
        return None
    joins_frames = graph.shape(chain[0].outputs[0])[:2] == (1, 1)
    averages_time = sorted(graph.integers(chain[-2].inputs[1])) == [1, 2]
    return chain if joins_frames and averages_time else None

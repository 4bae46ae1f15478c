"""A converted model without what no runtime reads: a sixth of a small file."""

from collections import Counter


def slim(model) -> None:
    """Drop names, empty buffers and quantizations from a ``ModelT``; name input and output.

    The converter names each tensor after every layer that was fused into it, gives each tensor
    that is computed an empty buffer and each one an empty quantization, and describes itself.
    """
    model.description = None
    model.metadata = []
    (graph,) = model.subgraphs
    graph.name = None

    _drop_unused_tensors(model)
    _drop_unused_codes(model)
    constants = {0: 0}
    for tensor in graph.tensors:
        tensor.name = None
        if tensor.quantization is not None and tensor.quantization.scale is None:
            tensor.quantization = None
        tensor.shapeSignature = None
        tensor.hasRank = False  # only of use to tell a scalar's shape from none
        tensor.buffer = constants.setdefault(
            tensor.buffer if model.buffers[tensor.buffer].data is not None else 0, len(constants)
        )
    model.buffers = [model.buffers[old] for old in constants]
    graph.tensors[graph.inputs[0]].name = "features"
    graph.tensors[graph.outputs[0]].name = "scores"


def _drop_unused_codes(model) -> None:
    """Keep the codes of operators that are there, the commonest as number 0, the default."""
    (graph,) = model.subgraphs
    count = Counter(operator.opcodeIndex for operator in graph.operators)
    place = {old: new for new, (old, _) in enumerate(count.most_common())}
    model.operatorCodes = [model.operatorCodes[old] for old in place]
    for operator in graph.operators:
        operator.opcodeIndex = place[operator.opcodeIndex]


def _drop_unused_tensors(model) -> None:
    """Keep the tensors that some operator reads or writes, in their order."""
    (graph,) = model.subgraphs
    used = {*graph.inputs, *graph.outputs}
    for operator in graph.operators:
        used.update(index for index in (*operator.inputs, *operator.outputs) if index >= 0)
    place = {old: new for new, old in enumerate(sorted(used))}
    graph.tensors = [graph.tensors[old] for old in place]
    graph.inputs = [place[old] for old in graph.inputs]
    graph.outputs = [place[old] for old in graph.outputs]
    for operator in graph.operators:
        operator.inputs = [place.get(old, -1) for old in operator.inputs]
        operator.outputs = [place[old] for old in operator.outputs]
    for signature in model.signatureDefs or []:
        # A streaming network's states go by their order, without names.
        signature.inputs, signature.outputs = signature.inputs[:1], signature.outputs[:1]
        signature.inputs[0].name, signature.outputs[0].name = "features", "scores"
        signature.inputs[0].tensorIndex = graph.inputs[0]
        signature.outputs[0].tensorIndex = graph.outputs[0]

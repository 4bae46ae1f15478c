"""The range of every value in a network, from running it on representative features."""

import numpy as np

from kws.native import op_library
from kws.tflite.pack import pack
from kws.utils.console import quiet_stderr
from kws.utils.errors import KwsError

MOST_CLIPS = 200


def ranges(model, features: np.ndarray) -> dict[int, tuple[float, float]]:
    """Least and greatest value of each float32 tensor of a ``ModelT``, zero included.

    features: (clips, frames, bands); up to 200 of them, evenly taken, are run, through a
    streaming network step by step. Raises KwsError if they have another shape than the model's
    input, or the model's op has no library.
    """
    # XNNPACK would keep what it computes inside to itself.
    from ai_edge_litert.interpreter import Interpreter, OpResolverType, load_delegate

    library = op_library()
    custom = any(code.customCode for code in model.operatorCodes)
    if custom and library is None:
        raise KwsError("int8 with our op needs its library to take ranges; install kws with pip")
    with quiet_stderr():
        interpreter = Interpreter(
            model_content=pack(model),
            experimental_delegates=[load_delegate(str(library))] if custom else [],
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            experimental_preserve_all_tensors=True,
        )
        interpreter.allocate_tensors()
    source, *before = interpreter.get_input_details()
    _, *after = interpreter.get_output_details()
    step = source["shape"][1]
    if features.shape[2:] != tuple(source["shape"][2:]) or (
        features.shape[1] < step if before else features.shape[1] != step
    ):
        raise KwsError(f"features of shape {features.shape[1:]} for {tuple(source['shape'][1:])}")

    graph = model.subgraphs[0]
    computed = sorted({*graph.inputs, *(i for op in graph.operators for i in op.outputs)})
    wanted = [i for i in computed if graph.tensors[i].type == 0]
    found = {index: (0.0, 0.0) for index in wanted}
    for clip in features[:: -(-len(features) // MOST_CLIPS)]:
        for state in before:
            interpreter.set_tensor(state["index"], np.zeros(state["shape"], np.float32))
        for start in range(0, len(clip) - step + 1, step):
            new = clip[None, start : start + step].astype(np.float32)
            interpreter.set_tensor(source["index"], new)
            interpreter.invoke()
            for index in wanted:
                values = interpreter.get_tensor(index)
                low, high = found[index]
                found[index] = (min(low, float(values.min())), max(high, float(values.max())))
            for state, new in zip(before, after, strict=True):
                interpreter.set_tensor(state["index"], interpreter.get_tensor(new["index"]))
    return found

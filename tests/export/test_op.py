"""The op inside LiteRT against explicit float64 matrices, and what it refuses."""

import contextlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, load_delegate
from flatbuffers import flexbuffers
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import circulant, toeplitz

from kws.native import op_library
from tests.tiny_tflite import OpGraph, chain


def layer(rng, inputs: int, units: int, rank: int, bias: bool = True) -> tuple:
    """Random (g, h, bias, units) whose matrix keeps the signal's size."""
    n = max(inputs, units)
    scale = (rank * n * n) ** -0.25
    g, h = (rng.normal(0, scale, (rank, n)).astype(np.float32) for _ in range(2))
    return g, h, rng.normal(size=units).astype(np.float32) if bias else None, units


def apply(layer: tuple, x: np.ndarray) -> np.ndarray:
    """The layer on (…, inputs) by its definition, in float64."""
    g, h, bias, units = layer
    g, h = g.astype(np.float64), h.astype(np.float64)
    skew = [toeplitz(row, np.concatenate([row[:1], -row[:0:-1]])) for row in h]
    matrix = sum(circulant(a) @ b for a, b in zip(g, skew, strict=True))
    y = x @ matrix[:units, : x.shape[-1]].T
    return y if bias is None else y + bias


def interpreter(data: bytes) -> Interpreter:
    library = op_library()
    assert library is not None, "install kws with pip first: its op library is missing"
    loaded = Interpreter(model_content=data, experimental_delegates=[load_delegate(str(library))])
    loaded.allocate_tensors()
    return loaded


def run(loaded: Interpreter, x: np.ndarray) -> np.ndarray:
    details = loaded.get_input_details()[0]
    if tuple(details["shape"]) != x.shape:
        loaded.resize_tensor_input(details["index"], x.shape)
        loaded.allocate_tensors()
    loaded.set_tensor(details["index"], x)
    loaded.invoke()
    return loaded.get_tensor(loaded.get_output_details()[0]["index"])


def normal(rng, *shape: int) -> np.ndarray:
    return rng.normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("rank", [1, 2, 3, 4])
@pytest.mark.parametrize("n", [1, 2, 3, 8, 31, 97, 100, 128, 256, 512, 1024])
def test_square(n: int, rank: int):
    rng = np.random.default_rng(n + rank)
    weights, x = layer(rng, n, n, rank), normal(rng, 2, n)
    np.testing.assert_allclose(
        run(interpreter(chain([weights], x.shape)), x), apply(weights, x), atol=2e-5
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 5), st.booleans(), st.data())
def test_any_shape(inputs: int, units: int, rank: int, bias: bool, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    lead = data.draw(st.lists(st.integers(1, 4), max_size=3))
    weights, x = layer(rng, inputs, units, rank, bias), normal(rng, *lead, inputs)
    np.testing.assert_allclose(
        run(interpreter(chain([weights], x.shape)), x), apply(weights, x), atol=2e-5
    )


@pytest.mark.parametrize(("inputs", "units"), [(700, 1024), (1024, 650), (2048, 300)])
def test_rectangular_by_transforms(inputs: int, units: int):
    rng = np.random.default_rng(1)
    weights, x = layer(rng, inputs, units, 2), normal(rng, 3, inputs)
    np.testing.assert_allclose(
        run(interpreter(chain([weights], x.shape)), x), apply(weights, x), atol=2e-5
    )


def test_several_nodes_and_resized_batches():
    rng = np.random.default_rng(2)
    sizes = [(40, 64), (64, 512), (512, 512), (512, 7)]
    layers = [layer(rng, *size, rank=2) for size in sizes]
    loaded = interpreter(chain(layers, (1, 40)))
    for batch in (1, 5, 2, 98):
        x = normal(rng, batch, 40)
        expected = x
        for weights in layers:
            expected = apply(weights, expected)
        np.testing.assert_allclose(run(loaded, x), expected, atol=5e-5)


def test_an_interpreter_per_thread():
    rng = np.random.default_rng(3)
    weights, x = layer(rng, 512, 512, 2), normal(rng, 8, 16, 512)
    data = chain([weights], x.shape[1:])

    def work(part: np.ndarray) -> np.ndarray:
        loaded = interpreter(data)
        return [run(loaded, part) for _ in range(20)][-1]

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(work, x))
    np.testing.assert_allclose(np.stack(results), apply(weights, x), atol=2e-5)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("stored", ["float16", "int8"])
@pytest.mark.parametrize(("inputs", "units", "rank"), [(40, 64, 3), (256, 256, 1), (300, 200, 2)])
def test_stored_generators(inputs: int, units: int, rank: int, stored: str, bias: bool):
    rng = np.random.default_rng(4)
    g, h, b, _ = layer(rng, inputs, units, rank, bias)
    x = normal(rng, 3, inputs)
    options = {"version": 2, "units": units, "scaled": int(stored == "int8"), "bias": int(bias)}
    if stored == "int8":
        scales = np.stack([np.abs(w).max(1) / 127 for w in (g, h)]).astype(np.float32)
        constants = [
            np.rint(w / s[:, None]).astype(np.int8) for w, s in zip((g, h), scales, strict=True)
        ]
        read = [w * s[:, None] for w, s in zip(constants, scales, strict=True)]
        constants.append(scales)
    else:
        constants = [w.astype(np.float16) for w in (g, h)]
        read = constants
    graph = OpGraph()
    nodes = [graph.add_input(x.shape)]
    nodes += [graph.add_constant(w) for w in (*constants, *([b] if bias else []))]
    data = graph.file(graph.add_node(nodes, (3, units), options))
    expected = apply((*read, b, units), x)
    np.testing.assert_allclose(run(interpreter(data), x), expected, atol=2e-5)


GOOD = {"version": 1, "units": 4}
STORED = {"version": 2, "units": 4, "scaled": 1, "bias": 0}
G8 = np.ones((2, 4), np.int8)
G = np.ones((2, 4), np.float32)


def node(options=GOOD, g=G, h=None, bias=None, x=(1, 3), dynamic=False, more=0) -> bytes:
    graph = OpGraph()
    h = g if h is None else h
    inputs = [graph.add_input(x)]
    inputs += [graph.add_input(g.shape) if dynamic else graph.add_constant(g)]
    inputs += [graph.add_constant(h)]
    inputs += [graph.add_constant(bias)] if bias is not None else []
    inputs += [inputs[0]] * more
    return graph.file(graph.add_node(inputs, (1, 4), options))


def test_the_good_node_is_good():
    interpreter(node(bias=np.ones(4, np.float32)))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (node(options={"version": 3, "units": 4}), "newer version"),
        (node(options={"version": 0, "units": 4}), "newer version"),
        (node(options={"version": 1}), "lack version or units"),
        (node(options={"version": "1", "units": 4}), "lack version or units"),
        (node(options=b""), "options are damaged"),
        (node(options=b"\xff" * 40), "options are damaged"),
        (node(options={"version": 1, "units": 0}), "between 1 and 65536"),
        (node(options={"version": 1, "units": -4}), "between 1 and 65536"),
        (node(options={"version": 1, "units": 1 << 40}), "between 1 and 65536"),
        (node(options={"version": 1, "units": 9}), "g must be a constant"),
        (node(x=(1, 8)), "g must be a constant"),
        (node(x=(1, 1 << 20)), "between 1 and 65536"),
        (node(x=()), "at least one dimension"),
        (node(g=G.astype(np.int32)), "g must be a float32, float16 or int8 matrix"),
        (node(g=G.astype(np.float64)), "g must be a float32, float16 or int8 matrix"),
        (node(g=G[0]), "g must be a float32, float16 or int8 matrix"),
        (node(g=G[:0]), "rank is not positive"),
        (node(h=G[:1]), "h must be a constant"),
        (node(h=G[:, :3]), "h must be a constant"),
        (node(bias=np.ones(3, np.float32)), "bias must be a constant"),
        (node(bias=np.ones(4, np.int32)), "bias must be a constant"),
        (node(dynamic=True), "g must be a constant"),
        (node(more=1), "bias must be a constant"),
        (node(more=2), "takes 3 or 4 inputs"),
        (node(options={"version": 2, "units": 4}), "scaled and bias must be 0 or 1"),
        (node(options=STORED | {"scaled": 2}), "scaled and bias must be 0 or 1"),
        (node(options=STORED), "what its options scaled and bias announce"),
        (node(g=G8, options=STORED | {"scaled": 0}), "int8 generators need scales"),
        (node(options=STORED, bias=np.ones((2, 2), np.float32)), "int8 generators need scales"),
        (node(g=G8, options=STORED, bias=np.ones((2, 1), np.float32)), "the scales must be"),
        (node(g=G8, options=STORED, bias=np.ones((2, 2), np.int8)), "the scales must be"),
        (node(g=G8, h=G, options=STORED, bias=np.ones((2, 2), np.float32)), "of the type of g"),
    ],
)
def test_malformed_nodes_are_refused(data: bytes, reason: str):
    with pytest.raises(RuntimeError, match=f"KwsToeplitzLike: .*{reason}"):
        interpreter(data)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_damaged_options_never_crash(data):
    options = bytearray(flexbuffers.Dumps(GOOD))
    for _ in range(data.draw(st.integers(1, 3))):
        options[data.draw(st.integers(0, len(options) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(RuntimeError):
        interpreter(node(options=bytes(options)))

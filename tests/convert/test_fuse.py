"""KwsTemporalStep: the op against its definition, and networks whose steps become it."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws import networks
from kws.convert.convert import convert
from kws.convert.streaming import least_frames
from kws.networks.config import Network
from kws.runtime.model import Model
from kws.tflite.inspect import inspect_model
from kws.tflite.metadata import write_metadata
from tests.convert.test_convert import disturbed
from tests.export.test_op import apply, interpreter, run
from tests.tiny_tflite import OpGraph


def step_file(shape: tuple, packed: np.ndarray, output: tuple, **options: int) -> bytes:
    graph = OpGraph("KwsTemporalStep")
    nodes = [graph.add_input(shape), graph.add_constant(packed)]
    return graph.file(graph.add_node(nodes, output, {"version": 1, **options}))


def packed(*parts: tuple[float, np.ndarray]) -> np.ndarray:
    scales = np.array([scale for scale, _ in parts], "<f4").view(np.int8)
    return np.concatenate([scales, *(values.ravel() for _, values in parts)])


@settings(max_examples=60, deadline=None)
@given(
    inputs=st.integers(1, 40),
    units=st.integers(1, 40),
    rank=st.integers(0, 3),
    taps=st.integers(1, 9),
    stride=st.integers(1, 3),
    spare=st.integers(0, 7),
    batch=st.integers(1, 2),
    shortcut=st.booleans(),
    seed=st.integers(0, 99),
)
def test_the_op_by_its_definition(inputs, units, rank, taps, stride, spare, batch, shortcut, seed):
    rng = np.random.default_rng(seed)
    if shortcut:
        units, stride = inputs, 1
    n, steps = max(inputs, units), taps + spare
    mix = rng.integers(-127, 128, (2, rank, n) if rank else (units, inputs), np.int8)
    weights = rng.integers(-127, 128, (taps, units), np.int8)
    bias = rng.integers(-127, 128, units, np.int8)
    scales = np.float32([0.1 / n, 0.02, 0.01])
    x = rng.normal(size=(batch, 1, steps, inputs)).astype(np.float32)

    if rank:
        mixed = apply((*(np.float64(scales[0]) * mix), None, units), x.astype(np.float64))
    else:
        mixed = x.astype(np.float64) @ (np.float64(scales[0]) * mix).T
    outputs = (steps - taps) // stride + 1
    expected = np.stack(
        [
            (mixed[:, :, t * stride : t * stride + taps] * weights * np.float64(scales[1])).sum(2)
            for t in range(outputs)
        ],
        axis=2,
    )
    expected += bias * np.float64(scales[2])
    if shortcut:
        expected += x[:, :, (taps - 1) // 2 :][:, :, :outputs]
    data = step_file(
        x.shape,
        packed(*zip(scales, (mix, weights, bias), strict=True)),
        expected.shape,
        units=units,
        rank=rank,
        taps=taps,
        stride=stride,
        shortcut=int(shortcut),
    )
    y = run(interpreter(data), x)
    np.testing.assert_allclose(y, np.maximum(expected, 0), atol=1e-4 * max(1, expected.max()))


GOOD = {"units": 3, "rank": 1, "taps": 2, "stride": 1, "shortcut": 1}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"version": 2}, "options history and pool are damaged or missing"),
        ({"version": 2, "history": 1, "pool": 0}, "three inputs and two outputs in a stream"),
        ({"version": 3}, "newer version of this op"),
        ({"shortcut": 2}, "options units, rank, taps, stride and shortcut are damaged"),
        ({"units": 0}, "inputs and units must be between 1 and 65536"),
        ({"units": 2}, "a shortcut needs as many inputs as units"),
        ({"taps": 0}, "taps and stride must be between 1 and 1024"),
        ({"taps": 5}, "at least as many steps as taps"),
        ({"taps": 3}, "packed numbers must be an int8 constant of the size"),
        ({"rank": -1}, "must be between 0 and 65536"),
        ({"rank": 4}, "packed numbers must be an int8 constant of the size"),
        ({"rank": 2000}, "the rank at most 1024"),
        ({"stride": 0}, "taps and stride must be between 1 and 1024"),
    ],
)
def test_what_the_op_refuses(changed, reason):
    numbers = np.ones(12 + 6 + 6 + 3, np.int8)
    assert run(
        interpreter(step_file((1, 4, 3), numbers, (1, 3, 3), **GOOD)),
        np.ones((1, 4, 3), np.float32),
    ).shape == (1, 3, 3)
    with pytest.raises(RuntimeError, match=f"KwsTemporalStep: .*{reason}"):
        interpreter(step_file((1, 4, 3), numbers, (1, 3, 3), **{**GOOD, **changed}))


def test_packed_numbers_must_be_constant():
    graph = OpGraph("KwsTemporalStep")
    nodes = [graph.add_input((1, 4, 3)), graph.add_input((27,), "int8")]
    y = graph.add_node(nodes, (1, 3, 3), {"version": 1, **GOOD})
    with pytest.raises(RuntimeError, match="must be an int8 constant"):
        interpreter(graph.file(y))


def temporal_network(frames: int = 40, **keys) -> keras.Model:
    keras.utils.set_random_seed(3)
    net = Network(**{"channels": 20, "blocks": 2, "kernel": 4, **keys})
    return disturbed(networks.build(net, (frames, 10), 3))


@pytest.mark.parametrize(
    ("keys", "steps"),
    [
        ({"rank": 2}, 3),
        ({"structure": "dense"}, 3),
        ({"structure": "hankel", "rank": 1}, 3),
        ({"structure": "toeplitz", "stride": 2, "kernel": 3}, 3),
        ({"kernel": 1}, 3),
        ({"blocks": 0, "stack": 3}, 1),
    ],
)
def test_networks_keep_their_scores(keys, steps, tmp_path):
    model = temporal_network(**keys)
    rng = np.random.default_rng(2)
    features = (rng.normal(size=(12, 40, 10)) + 4 * rng.normal(size=(12, 1, 10))).astype("f4")
    kinds, compact = written(model, tmp_path / "m.tflite")
    assert kinds.count("KwsTemporalStep") == steps
    assert not {"DEPTHWISE_CONV_2D", "ADD"} & set(kinds)
    expected = model.predict(features, verbose=0)
    assert np.ptp(expected, axis=0).max() > 0.2, "a constant answer would prove nothing"
    np.testing.assert_allclose(compact(features), expected, atol=0.03)


def written(model, path, frames=None) -> tuple[list[str], Model]:
    """The kinds of its operators, and the compact file, which streams if it takes frames."""
    data = convert(model, lowering="custom", quantize="compact", frames=frames).data
    about = {"stream": {"frames": frames}, "frames": model.input_shape[1]} if frames else {}
    path.write_bytes(write_metadata(data, {"labels": [], **about}))
    return [row.kind for row in inspect_model(data)], Model(path)


STREAMED = [
    {"rank": 2},
    {"structure": "dense", "kernel": 3},
    {"structure": "hankel", "stride": 2},
    {"stride": 2, "kernel": 3, "stack": 1},
    {"blocks": 0, "stack": 4, "kernel": 2},
    {"kernel": 5, "blocks": 3},
]


@pytest.mark.parametrize("calls", [1, 2])
@pytest.mark.parametrize("keys", STREAMED)
def test_a_stream_of_steps_scores_every_window(keys, calls, tmp_path):
    """Against the same steps on whole windows, whose numbers are the same int8."""
    model = temporal_network(**keys)
    frames = calls * least_frames(model)
    kinds, streaming = written(model, tmp_path / "s.tflite", frames)
    steps = ["KwsTemporalStep"] * (1 + keys.get("blocks", 2))
    assert kinds == ["RESHAPE", *steps, "FULLY_CONNECTED", "SOFTMAX"]
    _, windowed = written(model, tmp_path / "w.tflite")
    running, silence = streaming.stream(), np.log(streaming.frontend.floor)
    sounds = np.random.default_rng(3).normal(0, 3, (12, 10)).astype("f4")
    features = sounds.repeat(24, axis=0)
    heard = np.concatenate([np.full((40, 10), silence, np.float32), features])
    ends = range(frames, len(features) + 1, frames)
    scores = [running(features[end - frames : end]) for end in ends]
    expected = windowed(np.stack([heard[end : end + 40] for end in ends]))
    assert np.ptp(expected, axis=0).max() > 0.2, "a constant answer would prove nothing"
    np.testing.assert_allclose(scores, expected, atol=1e-5)


@pytest.mark.parametrize("keys", [{"stack": 3}, {"kernel": 1}], ids=["cropped", "no past"])
def test_other_networks_stream_with_ordinary_operators(keys, tmp_path):
    model = temporal_network(**keys)
    kinds, streaming = written(model, tmp_path / "s.tflite", 2 * least_frames(model))
    assert "KwsTemporalStep" not in kinds
    features = np.random.default_rng(4).normal(0, 6, (3, 40, 10)).astype("f4")
    np.testing.assert_allclose(streaming(features), model.predict(features, verbose=0), atol=0.03)


@pytest.mark.parametrize("frames", [None, 8])
@pytest.mark.parametrize("structure", ["toeplitz", "dense"])
def test_inspect_counts_a_step_as_its_parts(structure, frames):
    model = temporal_network(structure=structure)
    fused, plain = (
        inspect_model(convert(model, lowering="custom", quantize=quantize, frames=frames).data)
        for quantize in ("compact", "none")
    )
    for key in ("parameters", "macs", "ffts", "dense_parameters", "dense_macs"):
        assert sum(getattr(r, key) for r in fused) == sum(getattr(r, key) for r in plain), key
    assert sum(row.bytes for row in fused) < 0.3 * sum(row.bytes for row in plain)


def test_what_is_no_step_stays(tmp_path):
    """A filter that two read, padding, another activation: TFLite's own operators."""
    features = keras.Input((1, 12, 6))
    x = keras.layers.Dense(6, use_bias=False)(features)
    filtered = keras.layers.DepthwiseConv2D((1, 3), padding="same")(x)
    y = keras.layers.Add()([filtered, keras.layers.ReLU()(filtered)])
    z = keras.layers.DepthwiseConv2D((1, 3), activation="tanh")(keras.layers.Dense(6)(y))
    model = keras.Model(features, z)
    kinds = [
        row.kind
        for row in inspect_model(convert(model, lowering="custom", quantize="compact").data)
    ]
    assert "KwsTemporalStep" not in kinds


def test_a_small_network_takes_little_more_than_a_byte_a_parameter():
    model = temporal_network(frames=98, channels=64, blocks=5, kernel=5, rank=4)
    data = convert(model, lowering="custom", quantize="compact").data
    parameters = sum(row.parameters for row in inspect_model(data))
    assert len(data) < 1.02 * parameters + 2200
    assert (
        len(convert(model, lowering="custom", quantize="compact", frames=4).data) < len(data) + 200
    )

"""A network that keeps its past against the same network on the whole window."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

from kws import structured
from kws.convert.streaming import can_stream, least_frames, streaming_model
from kws.utils.errors import KwsError
from tests.recipes import network_of

BANDS = 6


def temporal(
    frames=24, stack=2, kernel=3, stride=1, blocks=1, mix=None, channels=5, dilation=1
) -> keras.Model:
    """A residual network without padding, as ``kws.networks`` builds them, but small."""
    mix = mix or (lambda units: layers.Dense(units))
    features = x = layers.Input((frames, BANDS))
    if frames % stack:
        x = layers.Cropping1D((0, frames % stack))(x)
    x = layers.Reshape((1, frames // stack, stack * BANDS))(x)
    x = layers.DepthwiseConv2D((1, kernel), strides=stride)(mix(channels)(x))
    x = layers.ReLU()(layers.BatchNormalization()(x))
    span = (kernel - 1) * dilation
    for _ in range(blocks):
        y = layers.DepthwiseConv2D((1, kernel), dilation_rate=dilation)(mix(channels)(x))
        y = layers.BatchNormalization()(y)
        x = layers.Cropping2D(((0, 0), (span // 2, span - span // 2)))(x)
        x = layers.ReLU()(layers.Add()([x, y]))
    x = layers.Dropout(0.1)(layers.GlobalAveragePooling2D()(x))
    network = keras.Model(features, layers.Dense(3, activation="softmax")(x))
    rng = np.random.default_rng(0)
    network.set_weights([w + rng.uniform(0, 0.3, w.shape) for w in network.get_weights()])
    return network


def assert_equal_to_windows(network: keras.Model, frames: int) -> None:
    """The streamed scores after every step are those of the last window of frames."""
    window = network.input_shape[1]
    streaming = streaming_model(network, frames)
    assert [i.shape for i in streaming.inputs[1:]] == [o.shape for o in streaming.outputs[1:]]
    steps = -(-window // frames) + 2
    features = np.random.default_rng(1).normal(0, 2, (1, steps * frames, BANDS)).astype("f")
    states = [np.zeros((1, *state.shape[1:]), np.float32) for state in streaming.inputs[1:]]
    ends, streamed = range(frames, steps * frames + 1, frames), []
    for end in ends:
        scores, *states = map(np.asarray, streaming([features[:, end - frames : end], *states]))
        streamed.append(scores[0])
    windows = [features[0, end - window : end] for end in ends if end >= window]
    expected = network(np.stack(windows))
    np.testing.assert_allclose(streamed[-len(windows) :], expected, atol=2e-6)


@settings(max_examples=8, deadline=None)
@given(
    stack=st.integers(1, 3),
    odd=st.integers(0, 2),
    kernel=st.integers(1, 5),
    stride=st.integers(1, 3),
    blocks=st.integers(0, 2),
    dilation=st.integers(1, 2),
    calls=st.integers(1, 3),
)
def test_streamed_scores_are_those_of_the_window(
    stack, odd, kernel, stride, blocks, dilation, calls
):
    steps = kernel + stride * (blocks * (kernel - 1) * dilation + 8)
    network = temporal(
        stack * steps + odd % stack, stack, kernel, stride, blocks, None, 4, dilation
    )
    least = least_frames(network)
    assert least == stack * stride
    assert_equal_to_windows(network, min(calls, 2) * least)


@pytest.mark.parametrize(
    "mix",
    [
        lambda units: structured.ToeplitzLike(units, 2, use_bias=False),
        lambda units: structured.LearnedShiftLike(units, 1),
        lambda units: structured.LowRank(units, 2),
    ],
    ids=["toeplitz", "ldr_sd", "low_rank"],
)
def test_every_structured_family_streams(mix):
    assert_equal_to_windows(temporal(stride=2, mix=mix), 4)


def test_ordinary_convolutions_and_pooling_stream():
    features = x = layers.Input((30, BANDS))
    x = layers.Conv1D(4, 5, strides=2, activation="relu")(x)
    x = layers.Reshape((1, *x.shape[1:]))(x)
    x = layers.Conv2D(5, (1, 3), activation="relu")(x)
    x = layers.AveragePooling2D((1, 2))(x)
    x = layers.GlobalAveragePooling2D()(x)
    assert_equal_to_windows(keras.Model(features, layers.Dense(3, activation="softmax")(x)), 4)


def test_the_recipes_network_streams():

    text = '[data]\nwords = ["a"]\n[frontend]\nbands = 6\n[network]\nchannels = 8\nstack = 7'
    network = network_of(text + "\nblocks = 2\nkernel = 3", 3)
    assert can_stream(network)
    assert_equal_to_windows(network, least_frames(network))


def refused(x, layer) -> keras.Model:
    return keras.Model(x, layers.Dense(3)(layers.GlobalAveragePooling1D()(layer(x))))


@pytest.mark.parametrize(
    ("layer", "why"),
    [
        (layers.Conv1D(4, 3, padding="same"), "pads its window"),
        (layers.LayerNormalization(axis=1), "a LayerNormalization needs the whole window"),
        (layers.Bidirectional(layers.GRU(4, return_sequences=True)), "needs the whole window"),
    ],
)
def test_what_needs_the_whole_window_is_refused(layer, why):
    network = refused(layers.Input((20, BANDS)), layer)
    assert not can_stream(network)
    with pytest.raises(KwsError, match=why):
        streaming_model(network)


def test_an_image_network_is_refused():
    features = layers.Input((20, BANDS))
    x = layers.Conv2D(4, 3)(layers.Reshape((20, BANDS, 1))(features))
    with pytest.raises(KwsError, match="cannot stream"):
        streaming_model(keras.Model(features, layers.Dense(3)(layers.GlobalAveragePooling2D()(x))))


@pytest.mark.parametrize("frames", [-2, 1, 3, 42])
def test_steps_that_do_not_fit_are_refused(frames):
    with pytest.raises(KwsError, match="steps of 2 frames or a multiple"):
        streaming_model(temporal(), frames)


def test_scores_with_a_time_axis_are_refused():
    features = layers.Input((20, BANDS))
    with pytest.raises(KwsError, match="time axis"):
        streaming_model(keras.Model(features, layers.Dense(3)(features)))

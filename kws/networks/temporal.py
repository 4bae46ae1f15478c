"""Our own network: residual, one-dimensional in time, with structured channel mixes.

It has one kind of step: a channel mix, then a filter along time in each channel. A mix has no bias,
and a filter is followed by batch normalisation, which conversion folds into the filter. So a
structured mix keeps exactly its 2·n·r parameters.

No filter pads: the network sees only numbers of its window, and a shortcut is cropped to the middle
of what its filter needed. So a network that keeps state from step to step computes exactly what
this one computes from the last ``frames`` frames.
"""

import keras
from keras import layers

from kws.networks.config import Network
from kws.networks.layers import BatchNorm
from kws.structured.registry import structured_layer
from kws.utils.errors import KwsError


def build(net: Network, shape: tuple[int, int], outputs: int) -> keras.Model:
    """(batch, frames, bands) -> (batch, outputs); ``shape`` is (frames, bands).

    Raises KwsError if the filters do not fit in the frames.
    """
    features = layers.Input(shape, name="features")
    x = body(features, net)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(net.dropout, name="dropout")(x)
    x = layers.Dense(outputs, activation="softmax", name="scores")(x)
    return keras.Model(features, x, name="temporal")


def body(features, net: Network):
    """The stem and the blocks: (batch, frames, bands) -> (batch, 1, steps, channels)."""
    _, frames, bands = features.shape
    steps = frames // net.stack
    _check_length(net, steps)
    x = features
    if steps * net.stack < frames:
        x = layers.Cropping1D((0, frames - steps * net.stack), name="crop")(x)
    # An image one row high: TFLite's convolutions are two-dimensional, and from three axes the
    # converter would reshape before and after every filter.
    x = layers.Reshape((1, steps, net.stack * bands), name="stack")(x)
    x = _step(x, net, net.stride, "stem")
    x = layers.ReLU(name="stem_relu")(x)
    before = (net.kernel - 1) // 2
    for k in range(net.blocks):
        y = _step(x, net, 1, f"block{k}")
        middle = ((0, 0), (before, net.kernel - 1 - before))
        x = layers.Cropping2D(middle, name=f"block{k}_crop")(x) if net.kernel > 1 else x
        x = layers.Add(name=f"block{k}_add")([x, y])
        x = layers.ReLU(name=f"block{k}_relu")(x)
    return x


def _step(x, net: Network, stride: int, name: str):
    x = structured_layer(
        net.structure, x.shape[-1], net.channels, net.rank, use_bias=False, name=f"{name}_mix"
    )(x)
    # DepthwiseConv2D takes only equal strides; for the one row the stride makes no difference.
    x = layers.DepthwiseConv2D(
        (1, net.kernel), strides=stride, use_bias=False, name=f"{name}_filter"
    )(x)
    return BatchNorm(name=f"{name}_norm")(x)


def _check_length(net: Network, steps: int) -> None:
    after_stem = (steps - net.kernel) // net.stride + 1
    if after_stem - net.blocks * (net.kernel - 1) < 1:
        raise KwsError(
            f"network: a stem and {net.blocks} blocks of kernel {net.kernel} do not fit in the "
            f"{steps} steps of a clip; use a smaller kernel, fewer blocks or longer clips",
            2,
        )

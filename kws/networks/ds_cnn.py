"""DS-CNN: two-dimensional, depthwise separable (Zhang et al. 2017, "Hello Edge").

The family "ds-cnn" has dense mixes of the channels, "separable" has structured ones.
"""

import keras
from keras import layers

from kws.networks.config import Network
from kws.networks.layers import norm_relu
from kws.structured.registry import structured_layer

STRIDE = 4  # of the first convolution, in time and along bands


def build(net: Network, shape: tuple[int, int], outputs: int) -> keras.Model:
    """(batch, frames, bands) -> (batch, outputs); ``shape`` is (frames, bands)."""
    features = layers.Input(shape, name="features")
    x = body(features, net)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(net.dropout, name="dropout")(x)
    x = layers.Dense(outputs, activation="softmax", name="scores")(x)
    return keras.Model(features, x, name=net.family.replace("-", "_"))


def body(features, net: Network):
    """All convolutions: (batch, frames, bands) -> (batch, frames / 4, bands / 4, channels).

    A convolution of 10 frames × 4 bands and ``net.blocks`` separable 3 × 3 ones. The paper brings
    49 × 10 features to 25 × 5. Here frames come twice and bands four times as often, so the first
    convolution takes every fourth of both.
    """
    x = layers.Reshape((*features.shape[1:], 1), name="image")(features)
    x = layers.Conv2D(
        net.channels, (10, 4), STRIDE, padding="same", use_bias=False, name="convolution"
    )(x)
    x = norm_relu(x, "convolution")
    for k in range(net.blocks):
        x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name=f"depth{k}")(x)
        x = norm_relu(x, f"depth{k}")
        x = _mix(net, f"point{k}")(x)
        x = norm_relu(x, f"point{k}")
    return x


def _mix(net: Network, name: str) -> layers.Layer:
    if net.family != "separable":
        return layers.Conv2D(net.channels, 1, use_bias=False, name=name)
    return structured_layer(
        net.structure, net.channels, net.channels, net.rank, use_bias=False, name=name
    )

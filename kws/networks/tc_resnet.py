"""TC-ResNet8: bands as channels, full convolutions along time (Choi et al. 2019)."""

import keras
from keras import layers

from kws.networks.config import Network
from kws.networks.layers import BatchNorm, norm_relu

# Widths of the three residual blocks, as multiples of the first convolution's.
WIDTHS = (1.5, 2, 3)


def build(net: Network, shape: tuple[int, int], outputs: int) -> keras.Model:
    """(batch, frames, bands) -> (batch, outputs); ``shape`` is (frames, bands).

    ``net.channels``: of the first convolution, 16 in the paper. The blocks' kernels have 9 frames.
    """
    frames, bands = shape
    features = layers.Input(shape, name="features")
    x = layers.Reshape((1, frames, bands), name="image")(features)
    x = norm_relu(_convolution(x, net.channels, 3, 1, "first"), "first")
    for k, times in enumerate(WIDTHS):
        width = round(times * net.channels)
        y = norm_relu(_convolution(x, width, 9, 2, f"block{k}_a"), f"block{k}_a")
        y = _convolution(y, width, 9, 1, f"block{k}_b")
        y = BatchNorm(name=f"block{k}_b_norm")(y)
        x = norm_relu(_convolution(x, width, 1, 2, f"block{k}_short"), f"block{k}_short")
        x = layers.ReLU(name=f"block{k}_relu")(layers.Add(name=f"block{k}_add")([x, y]))
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(net.dropout, name="dropout")(x)
    x = layers.Dense(outputs, activation="softmax", name="scores")(x)
    return keras.Model(features, x, name="tc_resnet")


def _convolution(x, width: int, kernel: int, stride: int, name: str):
    return layers.Conv2D(
        width, (1, kernel), (1, stride), padding="same", use_bias=False, name=name
    )(x)

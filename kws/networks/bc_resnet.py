"""After BC-ResNet (Kim et al. 2021): two-dimensional, with residuals broadcast over the bands.

A block filters along the bands, takes their mean, filters it along time, mixes its channels, and
adds the result to every band. All normalisation is plain batch normalisation; the original
normalises four parts of the spectrum apart.
"""

import keras
from keras import layers

from kws.networks.config import Network
from kws.networks.layers import BatchNorm, norm_relu

# Of the four stages: width as a multiple of net.channels, blocks, stride in bands, dilation.
STAGES = ((1, 2, 1, 1), (1.5, 2, 2, 2), (2, 4, 2, 4), (2.5, 4, 1, 8))


def build(net: Network, shape: tuple[int, int], outputs: int) -> keras.Model:
    """(batch, frames, bands) -> (batch, outputs); ``shape`` is (frames, bands).

    ``net.channels`` is 8 for BC-ResNet-1, which has 9.2 k parameters.
    """
    features = layers.Input(shape, name="features")
    x = layers.Reshape((*shape, 1), name="image")(features)
    x = layers.Conv2D(
        2 * net.channels, 5, (1, 2), padding="same", use_bias=False, name="convolution"
    )(x)
    x = norm_relu(x, "convolution")
    for stage, (times, blocks, stride, dilation) in enumerate(STAGES):
        for k in range(blocks):
            width = round(times * net.channels)
            x = _block(x, width, stride if k == 0 else 1, dilation, net, f"stage{stage}_{k}")
    x = layers.DepthwiseConv2D(5, padding="valid", use_bias=False, name="last_filter")(x)
    x = layers.Conv2D(4 * net.channels, 1, use_bias=False, name="last_mix")(x)
    x = norm_relu(x, "last")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dense(outputs, activation="softmax", name="scores")(x)
    return keras.Model(features, x, name="bc_resnet")


def _block(x, width: int, stride: int, dilation: int, net: Network, name: str):
    change = x.shape[-1] != width
    shortcut = x
    if change:
        x = layers.Conv2D(width, 1, use_bias=False, name=f"{name}_in")(x)
        x = norm_relu(x, f"{name}_in")
    if stride > 1:
        x = layers.AveragePooling2D((1, stride), padding="same", name=f"{name}_halve")(x)
    x = layers.DepthwiseConv2D((1, 3), padding="same", use_bias=False, name=f"{name}_bands")(x)
    x = BatchNorm(name=f"{name}_bands_norm")(x)
    y = layers.AveragePooling2D((1, x.shape[2]), name=f"{name}_mean")(x)
    y = layers.DepthwiseConv2D(
        (3, 1), dilation_rate=(dilation, 1), padding="same", use_bias=False, name=f"{name}_time"
    )(y)
    y = BatchNorm(name=f"{name}_time_norm")(y)
    y = layers.Activation("swish", name=f"{name}_swish")(y)
    y = layers.Conv2D(width, 1, use_bias=False, name=f"{name}_mix")(y)
    y = layers.SpatialDropout2D(net.dropout, name=f"{name}_dropout")(y)
    x = layers.Add(name=f"{name}_add")([x, y])
    if not change:
        x = layers.Add(name=f"{name}_residual")([x, shortcut])
    return layers.ReLU(name=f"{name}_relu")(x)

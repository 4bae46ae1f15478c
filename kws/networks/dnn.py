"""A network of dense layers over the whole clip (Zhang et al. 2017, "Hello Edge")."""

import keras
from keras import layers

from kws.networks.config import Network
from kws.networks.layers import BatchNorm


def build(net: Network, shape: tuple[int, int], outputs: int) -> keras.Model:
    """(batch, frames, bands) -> (batch, outputs); ``shape`` is (frames, bands).

    ``net.blocks`` hidden layers of ``net.channels``. Four frames are averaged into one, because the
    paper's have 40 ms.
    """
    features = layers.Input(shape, name="features")
    x = layers.AveragePooling1D(4, name="frames")(features)
    x = layers.Flatten(name="flatten")(x)
    for k in range(net.blocks):
        x = layers.Dense(net.channels, use_bias=False, name=f"hidden{k}")(x)
        x = BatchNorm(name=f"hidden{k}_norm")(x)
        x = layers.ReLU(name=f"hidden{k}_relu")(x)
        x = layers.Dropout(net.dropout, name=f"hidden{k}_dropout")(x)
    x = layers.Dense(outputs, activation="softmax", name="scores")(x)
    return keras.Model(features, x, name="dnn")

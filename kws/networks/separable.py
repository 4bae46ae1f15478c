"""Our two-dimensional network: DS-CNN's, its channel mixes structured."""

import keras
from keras import layers

from kws.networks import ds_cnn
from kws.networks.mixes import mix
from kws.recipe import Network


def build(net: Network, shape: tuple[int, int], outputs: int) -> keras.Model:
    """(batch, frames, bands) -> (batch, outputs), as ``ds_cnn.build`` but for the mixes."""
    return ds_cnn.build(net, shape, outputs, structured, "separable")


def structured(net: Network, name: str) -> layers.Layer:
    return mix(net.structure, net.channels, net.channels, net.rank, use_bias=False, name=name)

"""The keyword-spotting network of Sindhwani, Sainath and Kumar (NIPS 2015), section 4."""

import keras
from keras import layers

from kws.errors import KwsError
from kws.networks.mixes import mix
from kws.recipe import Network


def build(net: Network, shape: tuple[int, int], outputs: int) -> keras.Model:
    """(batch, frames, bands) -> (batch, outputs); ``shape`` is (frames, bands), there (32, 40).

    One convolution spans the whole window in time and eight bands, every four bands, with
    ``net.filters`` filters: 9 × 186 = 1674 numbers. The hidden layer of ``net.units`` is the one
    that is structured; both are followed by a bias and ReLU.
    """
    frames, bands = shape
    if bands < 8:
        raise KwsError(f"network: the paper's needs at least 8 bands, not {bands}", 2)
    features = layers.Input(shape, name="features")
    x = layers.Reshape((frames, bands, 1), name="image")(features)
    x = layers.Conv2D(net.filters, (frames, 8), (1, 4), activation="relu", name="convolution")(x)
    x = layers.Flatten(name="flatten")(x)
    hidden = mix(net.structure, x.shape[-1], net.units, net.rank, activation="relu", name="hidden")
    x = layers.Dropout(net.dropout, name="dropout")(hidden(x))
    x = layers.Dense(outputs, activation="softmax", name="scores")(x)
    return keras.Model(features, x, name="paper")

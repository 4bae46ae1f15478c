"""The keyword-spotting network of Sindhwani, Sainath and Kumar (NIPS 2015), section 4."""

import keras
from keras import layers

from kws.networks.config import Network
from kws.structured.registry import structured_layer
from kws.utils.errors import KwsError

FILTERS, UNITS = 186, 1674


def build(net: Network, shape: tuple[int, int], outputs: int) -> keras.Model:
    """(batch, frames, bands) -> (batch, outputs); ``shape`` is (frames, bands), there (32, 40).

    One convolution spans the whole window in time and eight bands, every four bands, with
    FILTERS filters: 9 × 186 = 1674 numbers. The hidden layer of UNITS is the structured one.
    Both have a bias and ReLU. Raises KwsError if there are fewer than eight bands.
    """
    frames, bands = shape
    if bands < 8:
        raise KwsError(f"network: the paper's needs at least 8 bands, not {bands}", 2)
    features = layers.Input(shape, name="features")
    x = layers.Reshape((frames, bands, 1), name="image")(features)
    x = layers.Conv2D(FILTERS, (frames, 8), (1, 4), activation="relu", name="convolution")(x)
    x = layers.Flatten(name="flatten")(x)
    hidden = structured_layer(
        net.structure, x.shape[-1], UNITS, net.rank, activation="relu", name="hidden"
    )
    x = layers.Dropout(net.dropout, name="dropout")(hidden(x))
    x = layers.Dense(outputs, activation="softmax", name="scores")(x)
    return keras.Model(features, x, name="paper")

"""An ear, and a small head on what it heard.

The ear tells every 80 ms what 0.8 s of sound are like. It is taught to tell what Google's speech
embedding tells (``kws.ear``), so it looks at as many frames, as often. The head looks at the last
few of these descriptions. The ear's body is our temporal network's, or DS-CNN's.
"""

import keras
from keras import layers

from kws.errors import KwsError
from kws.networks import ds_cnn, temporal
from kws.recipe import Network

FRAMES, EVERY = 76, 8  # of one description, and from one to the next
DROPOUT = 0.3


def build(net: Network, shape: tuple[int, int], outputs: int) -> keras.Model:
    """(batch, frames, bands) -> (batch, outputs); ``shape`` is (frames, bands)."""
    features = layers.Input(shape, name="features")
    x = _described(features, net)
    x = layers.Dense(net.narrow, name="narrow")(x)
    x = layers.Dropout(DROPOUT, name="narrow_dropout")(x)
    x = layers.Conv2D(2 * net.narrow, (1, x.shape[2]), activation="relu", name="memory")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(DROPOUT, name="dropout")(x)
    x = layers.Dense(outputs, activation="softmax", name="scores")(x)
    return keras.Model(features, x, name="listener")


def ear(net: Network, shape: tuple[int, int]) -> keras.Model:
    """The ear alone: (batch, frames, bands) -> (batch, 1, descriptions, channels)."""
    features = layers.Input(shape, name="features")
    return keras.Model(features, _described(features, net), name="ear")


def front(network: keras.Model) -> keras.Model:
    """The ear in a listener, the layers its own."""
    return keras.Model(network.input, network.get_layer("ear").output)


def head(network: keras.Model) -> keras.Model:
    """What in a listener comes behind its ear, the layers its own."""
    x = told = keras.Input(network.get_layer("ear").output.shape[1:])
    for layer in network.layers[network.layers.index(network.get_layer("ear")) + 1 :]:
        x = layer(x)
    return keras.Model(told, x)


def _described(features, net: Network):
    if features.shape[1] < FRAMES:
        raise KwsError(
            f"network: a listener needs at least {FRAMES} frames, not {features.shape[1]}", 2
        )
    if net.body == "ds-cnn":
        return _described_by_ds_cnn(features, net)
    step = net.stack * net.stride
    seen = net.stack * net.kernel + step * net.blocks * (net.kernel - 1)
    if seen > FRAMES or EVERY % step:
        raise KwsError(
            f"network: a listener's filters see at most {FRAMES} frames, not {seen}, in a step "
            f"that divides {EVERY}, not {step}",
            2,
        )
    x = temporal.body(features, net)
    span = (FRAMES - seen) // step + 1
    return layers.AveragePooling2D((1, span), (1, EVERY // step), name="ear")(x)


def _described_by_ds_cnn(features, net: Network):
    """As DS-CNN pads, descriptions at the ends of a stretch hear silence beyond them."""
    x = ds_cnn.body(features, net)
    step = ds_cnn.STRIDE
    x = layers.AveragePooling2D((FRAMES // step, x.shape[2]), (EVERY // step, 1), name="mean")(x)
    return layers.Reshape((1, x.shape[1], net.channels), name="ear")(x)

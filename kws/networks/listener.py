"""Our temporal network as an ear, and a small head on what it heard.

The ear tells every 80 ms what 0.8 s of sound are like. It is taught to tell what Google's speech
embedding tells (``kws.ear``), so it looks at as many frames, as often. The head looks at the last
few of these descriptions.
"""

import keras
from keras import layers

from kws.errors import KwsError
from kws.networks import temporal
from kws.recipe import Network

FRAMES, EVERY = 76, 8  # of one description, and from one to the next
NARROW, UNITS = 24, 48
DROPOUT = 0.3


def build(net: Network, shape: tuple[int, int], outputs: int) -> keras.Model:
    """(batch, frames, bands) -> (batch, outputs); ``shape`` is (frames, bands)."""
    features = layers.Input(shape, name="features")
    x = _described(features, net)
    x = layers.Dense(NARROW, name="narrow")(x)
    x = layers.Dropout(DROPOUT, name="narrow_dropout")(x)
    x = layers.Conv2D(UNITS, (1, x.shape[2]), activation="relu", name="memory")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(DROPOUT, name="dropout")(x)
    x = layers.Dense(outputs, activation="softmax", name="scores")(x)
    return keras.Model(features, x, name="listener")


def ear(net: Network, shape: tuple[int, int]) -> keras.Model:
    """The ear alone: (batch, frames, bands) -> (batch, 1, descriptions, channels)."""
    features = layers.Input(shape, name="features")
    return keras.Model(features, _described(features, net), name="ear")


def _described(features, net: Network):
    step = net.stack * net.stride
    seen = net.stack * net.kernel + step * net.blocks * (net.kernel - 1)
    if features.shape[1] < FRAMES or seen > FRAMES or EVERY % step:
        raise KwsError(
            f"network: a listener needs at least {FRAMES} frames, not {features.shape[1]}, of "
            f"which its filters see {seen}, and a step that divides {EVERY}, not {step}",
            2,
        )
    x = temporal.body(features, net)
    span = (FRAMES - seen) // step + 1
    return layers.AveragePooling2D((1, span), (1, EVERY // step), name="ear")(x)

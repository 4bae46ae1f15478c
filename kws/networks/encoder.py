"""An encoder of sound, and a small head on it.

The encoder gives a vector for 0.8 s of sound, every 80 ms. It is trained to predict Google's speech
embedding (``kws.training.encoder``), so it sees as many frames, as often. The head sees the vectors
of the window. The encoder's body is that of the temporal network or of DS-CNN.
"""

import keras
import numpy as np
from keras import layers

from kws.networks import ds_cnn, temporal
from kws.networks.config import Network
from kws.utils.errors import KwsError

FRAMES, HOP = 76, 8  # frames that one vector sees, and frames from one vector to the next
DROPOUT = 0.3

_ENCODER, _BOTTLENECK = "encoder", "bottleneck"  # the encoder's last layer, the head's first


def build(net: Network, shape: tuple[int, int], outputs: int) -> keras.Model:
    """(batch, frames, bands) -> (batch, outputs); ``shape`` is (frames, bands).

    Raises KwsError if the window is shorter than FRAMES, or the body does not fit FRAMES and HOP.
    """
    features = layers.Input(shape, name="features")
    x = _encoded(features, net)
    x = layers.Dense(net.bottleneck, name=_BOTTLENECK)(x)
    x = layers.Dropout(DROPOUT, name="bottleneck_dropout")(x)
    x = layers.Conv2D(2 * net.bottleneck, (1, x.shape[2]), activation="relu", name="memory")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(DROPOUT, name="dropout")(x)
    x = layers.Dense(outputs, activation="softmax", name="scores")(x)
    return keras.Model(features, x, name="encoder_network")


def build_encoder(net: Network, shape: tuple[int, int]) -> keras.Model:
    """The encoder alone: (batch, frames, bands) -> (batch, 1, steps, channels).

    ``shape`` is (frames, bands). Raises KwsError as ``build`` does.
    """
    features = layers.Input(shape, name="features")
    return keras.Model(features, _encoded(features, net), name="encoder")


def encoder_of(network: keras.Model) -> keras.Model:
    """The encoder of a network, (batch, frames, bands) -> (batch, 1, steps, channels).

    The layers are those of the network.
    """
    return keras.Model(network.input, network.get_layer(_ENCODER).output)


def head_of(network: keras.Model) -> keras.Model:
    """The head of a network, (batch, 1, steps, channels) -> (batch, outputs).

    The layers are those of the network.
    """
    last = network.get_layer(_ENCODER)
    x = encoded = keras.Input(last.output.shape[1:])
    for layer in network.layers[network.layers.index(last) + 1 :]:
        x = layer(x)
    return keras.Model(encoded, x)


def set_encoder(network: keras.Model, encoder: keras.Model, share: float = 1.0) -> None:
    """Move the weights of a network's encoder by ``share`` of the way to those of ``encoder``."""
    for layer in encoder.layers:
        own = network.get_layer(layer.name)
        pairs = zip(layer.get_weights(), own.get_weights(), strict=True)
        own.set_weights([share * new + (1 - share) * old for new, old in pairs])


def fold_normalisation(network: keras.Model, mean: np.ndarray, scale: np.ndarray) -> None:
    """Change a head that was trained on (x − mean) / scale, both (channels,), to take x itself."""
    bottleneck = network.get_layer(_BOTTLENECK)
    kernel, bias = bottleneck.get_weights()
    kernel = kernel / scale[:, None]
    bottleneck.set_weights([kernel, bias - mean @ kernel])


def _encoded(features, net: Network):
    if features.shape[1] < FRAMES:
        raise KwsError(
            f"network: an encoder needs at least {FRAMES} frames, not {features.shape[1]}", 2
        )
    if net.body == "ds-cnn":
        return _encoded_by_ds_cnn(features, net)
    step = net.stack * net.stride
    seen = net.stack * net.kernel + step * net.blocks * (net.kernel - 1)
    if seen > FRAMES or HOP % step:
        raise KwsError(
            f"network: an encoder's filters see at most {FRAMES} frames, not {seen}, in a step "
            f"that divides {HOP}, not {step}",
            2,
        )
    x = temporal.body(features, net)
    span = (FRAMES - seen) // step + 1
    return layers.AveragePooling2D((1, span), (1, HOP // step), name=_ENCODER)(x)


def _encoded_by_ds_cnn(features, net: Network):
    """DS-CNN pads, so the vectors at both ends of the window see zeros beyond it."""
    x = ds_cnn.body(features, net)
    step = ds_cnn.STRIDE
    x = layers.AveragePooling2D((FRAMES // step, x.shape[2]), (HOP // step, 1), name="mean")(x)
    return layers.Reshape((1, x.shape[1], net.channels), name=_ENCODER)(x)

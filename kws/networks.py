"""A recipe becomes a keras.Model from log-mel features to class probabilities.

One kind of step throughout: a channel mix, structured or dense, then a filter along time in each
channel. A mix carries no bias and a filter is followed by batch normalisation, which lowering
folds into the filter; so a structured mix keeps exactly its 2·n·r parameters.
"""

import keras
from keras import layers, ops

from kws.recipe import Network, Recipe
from kws.structured import ToeplitzLike


def build(recipe: Recipe, outputs: int) -> keras.Model:
    """The network of a recipe: (batch, frames, bands) log-mel -> (batch, outputs) softmax."""
    net = recipe.network
    features = layers.Input((recipe.frames, recipe.frontend.bands), name="features")
    steps = recipe.frames // net.stack
    x = features
    if steps * net.stack < recipe.frames:
        x = layers.Cropping1D((0, recipe.frames - steps * net.stack), name="crop")(x)
    # An image one row high: TFLite's convolutions are two-dimensional, and from three axes the
    # converter would reshape before and after every filter.
    x = layers.Reshape((1, steps, net.stack * recipe.frontend.bands), name="stack")(x)
    x = _step(x, net, "stem")
    x = layers.ReLU(name="stem_relu")(x)
    for k in range(net.blocks):
        y = _step(x, net, f"block{k}")
        y = layers.Add(name=f"block{k}_add")([x, y])
        x = layers.ReLU(name=f"block{k}_relu")(y)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(net.dropout, name="dropout")(x)
    x = layers.Dense(outputs, activation="softmax", name="scores")(x)
    return keras.Model(features, x, name="temporal")


def _step(x, net: Network, name: str):
    x = _mix(net, f"{name}_mix")(x)
    x = layers.DepthwiseConv2D(
        (1, net.kernel), padding="same", use_bias=False, name=f"{name}_filter"
    )(x)
    return layers.BatchNormalization(momentum=0.95, name=f"{name}_norm")(x)


def _mix(net: Network, name: str) -> layers.Layer:
    if net.structure == "dense":
        return layers.Dense(net.channels, use_bias=False, name=name)
    return ToeplitzLike(net.channels, net.rank, use_bias=False, name=name)


@keras.saving.register_keras_serializable(package="kws")
class SpecAugment(layers.Layer):
    """Two masks in time and two in bands over log-mel features, in training only.

    Park et al. 2019. A masked cell takes the mean of its clip. time, bands: widest masks.
    """

    def __init__(self, time: int, bands: int, seed: int = 0, **kwargs):
        super().__init__(trainable=False, **kwargs)
        self.time, self.bands, self.seed = time, bands, seed
        self._random = keras.random.SeedGenerator(seed)

    def call(self, features, training=False):
        if not training:
            return features
        keep = 1.0
        for axis, widest in ((1, self.time), (1, self.time), (2, self.bands), (2, self.bands)):
            keep = keep * self._mask(features, axis, widest)
        mean = ops.mean(features, axis=(1, 2), keepdims=True)
        return features * keep + mean * (1 - keep)

    def _mask(self, features, axis: int, widest: int):
        length = features.shape[axis]
        batch = ops.shape(features)[0]
        width = keras.random.uniform((batch, 1, 1), 0, widest, seed=self._random)
        start = keras.random.uniform((batch, 1, 1), 0, 1, seed=self._random) * (length - width)
        place = ops.reshape(
            ops.arange(length, dtype="float32"), (1, -1, 1) if axis == 1 else (1, 1, -1)
        )
        return 1 - ops.cast((place >= start) & (place < start + width), "float32")

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = super().get_config()
        config.pop("trainable", None)
        return {**config, "time": self.time, "bands": self.bands, "seed": self.seed}

"""Layers of several networks: batch normalisation in one kernel, and SpecAugment."""

import keras
from keras import layers, ops

MOMENTUM = 0.95  # of the means and variances that inference uses


@keras.saving.register_keras_serializable(package="kws")
class BatchNorm(layers.BatchNormalization):
    """Keras's batch normalisation over the last axis, faster in a training step on images.

    For (batch, height, width, channels) Keras makes a dozen passes, half of a DS-CNN's epoch on a
    CPU. TensorFlow has one kernel for it. Other back ends fuse the passes themselves.
    """

    def __init__(self, **kwargs):
        super().__init__(**{"momentum": MOMENTUM, **kwargs})

    def call(self, inputs, training=None, mask=None):
        image = len(inputs.shape) == 4 and keras.backend.backend() == "tensorflow"
        if not (image and training and self.trainable):
            return super().call(inputs, training=training, mask=mask)
        import tensorflow as tf

        normed, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, self.gamma, self.beta, epsilon=self.epsilon
        )
        count = tf.cast(tf.size(inputs) // inputs.shape[-1], variance.dtype)
        # The kernel divides by count − 1, Keras by count.
        variance = variance * (1 - 1 / count)
        for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(self.momentum * moving + (1 - self.momentum) * now)
        return normed


def norm_relu(x, name: str):
    """``x`` after batch normalisation and ReLU."""
    return layers.ReLU(name=f"{name}_relu")(BatchNorm(name=f"{name}_norm")(x))


@keras.saving.register_keras_serializable(package="kws")
class SpecAugment(layers.Layer):
    """Two masks in time and two in bands, in training only (SpecAugment, Park et al. 2019).

    (batch, frames, bands) -> the same shape. A masked cell takes the mean of its clip. ``time`` and
    ``bands``: the widest masks, in frames and in bands; widths and places are drawn for each clip.
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

"""SpecAugment: masks over features, in training only."""

import keras
from keras import layers, ops


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

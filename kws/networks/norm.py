"""Batch normalisation whose training step is one kernel."""

import keras
from keras import layers

MOMENTUM = 0.95  # of the means and variances that inference goes by


@keras.saving.register_keras_serializable(package="kws")
class BatchNorm(layers.BatchNormalization):
    """Keras's batch normalisation over the last axis, a training step on images in one kernel.

    Keras spends a dozen passes over (batch, height, width, channels) on a training step, half of
    a DS-CNN's epoch on a CPU; TensorFlow has a kernel for it. Other back ends fuse the passes
    themselves.
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
        self._keep(self.moving_mean, mean)
        self._keep(self.moving_variance, variance * (1 - 1 / count))  # as of all there is
        return normed

    def _keep(self, moving, now) -> None:
        moving.assign(self.momentum * moving + (1 - self.momentum) * now)


def normed(x, name: str):
    """Batch normalisation and ReLU."""
    return layers.ReLU(name=f"{name}_relu")(BatchNorm(name=f"{name}_norm")(x))

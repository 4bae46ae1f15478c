"""The log-mel front end as a Keras layer: training computes features of varied waveforms."""

import keras
from keras import ops

from kws.frontend.log_mel import FrontEnd


@keras.saving.register_keras_serializable(package="kws")
class LogMel(keras.layers.Layer):
    """The features of a ``FrontEnd``, on any Keras back end.

    (batch, samples) float in [-1, 1] -> (batch, frames, bands).
    """

    def __init__(self, frontend: FrontEnd | dict, **kwargs):
        super().__init__(trainable=False, **kwargs)
        # A dictionary in the configuration of a saved layer.
        self.frontend = FrontEnd.from_dict(frontend) if isinstance(frontend, dict) else frontend

    def call(self, samples):
        fe = self.frontend
        frames = ops.extract_sequences(samples, fe.window, fe.hop)
        real, imag = ops.rfft(frames * fe.hann, fe.fft_length)
        power = ops.square(real) + ops.square(imag)
        return ops.log(ops.matmul(power, fe.mel_matrix) + fe.floor)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.frontend.frames_in(input_shape[1]), self.frontend.bands)

    def get_config(self):
        config = super().get_config()
        config.pop("trainable", None)
        return {**config, "frontend": self.frontend.to_dict()}

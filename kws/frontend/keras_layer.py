"""The log-mel front end as a Keras layer, so that training augments waveforms."""

import keras
from keras import ops

from kws.frontend.log_mel import FrontEnd


@keras.saving.register_keras_serializable(package="kws")
class LogMel(keras.layers.Layer):
    """Features of ``kws.frontend.FrontEnd`` inside a network, on any Keras back end.

    Input: (batch, samples) float in [-1, 1]; output: (batch, frames, bands).
    """

    def __init__(self, frontend: FrontEnd | dict | None = None, **kwargs):
        super().__init__(trainable=False, **kwargs)
        if isinstance(frontend, dict):
            frontend = FrontEnd.from_dict(frontend)
        self.frontend = frontend or FrontEnd()

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

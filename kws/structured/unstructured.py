"""The dense layer with the interface of the structured ones, for comparisons."""

import keras

from kws.structured.base import StructuredDense


@keras.saving.register_keras_serializable(package="kws")
class Unstructured(StructuredDense):
    """``M`` free: what ``keras.layers.Dense`` does.

    Weights: ``w`` (inputs, units), ``bias`` (units,) or None.
    """

    def build_generators(self):
        self.w = self.add_generator("w", (self.inputs, self.units), self.inputs**-0.5)

    def matrix_transposed(self):
        return self.w

"""The learning rate of every training, and AdamW with another rate for generators.

A generator enters every element of its matrix, so a step that suits a dense layer is too long for
a wide structured one. Sindhwani, Sainath and Kumar (2015) trained generators at about a quarter of
the rate.
"""

import keras

from kws.structured.base import StructuredDense


@keras.saving.register_keras_serializable("kws")
class StructuredAdamW(keras.optimizers.AdamW):
    """AdamW with the learning rate times ``generator_rate`` for some variables.

    generators: the paths of these variables.
    """

    def __init__(self, *args, generators=(), generator_rate: float = 1.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.generators, self.generator_rate = tuple(generators), generator_rate

    def build(self, variables):
        super().build(variables)
        self._rates = [
            self.generator_rate if variable.path in self.generators else 1.0
            for variable in variables
        ]

    def update_step(self, gradient, variable, learning_rate):
        rate = self._rates[self._get_variable_index(variable)]
        super().update_step(gradient, variable, learning_rate * rate)

    def get_config(self):
        return super().get_config() | {
            "generators": self.generators,
            "generator_rate": self.generator_rate,
        }


def cosine(
    rate: float, steps: int, warmup: int = 0
) -> keras.optimizers.schedules.LearningRateSchedule:
    """A rate that rises to ``rate`` in ``warmup`` of ``steps``, then falls to 0 along a cosine."""
    if not warmup:
        return keras.optimizers.schedules.CosineDecay(rate, steps)
    return keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - warmup), warmup_target=rate, warmup_steps=warmup
    )


def generators_of(network: keras.Model) -> list[str]:
    """The paths of all weights that generate structured matrices; biases do not."""
    return [
        weight.path
        for layer in network.layers
        if isinstance(layer, StructuredDense)
        for weight in layer.trainable_weights
        if weight is not layer.bias
    ]

"""Gradients on whichever Keras back end the tests run on."""

import keras
import numpy as np
from keras import ops

DOUBLE = {"dtype": "float64"}
if keras.backend.backend() == "jax":
    import jax

    jax.config.update("jax_enable_x64", True)


def numpy(tensor) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(tensor))


def gradients(layer, x, weight):
    """Of ``sum(layer(x) * weight)``: with respect to x, then to each trainable weight."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        x = tf.convert_to_tensor(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = ops.sum(layer(x) * weight)
        values = tape.gradient(loss, [x, *(v.value for v in layer.trainable_weights)])
    elif backend == "jax":

        def loss(x, trainable):
            y, _ = layer.stateless_call(trainable, [], x)
            return ops.sum(y * weight)

        trainable = [v.value for v in layer.trainable_weights]
        by_x, by_weights = jax.grad(loss, argnums=(0, 1))(ops.convert_to_tensor(x), trainable)
        values = [by_x, *by_weights]
    else:
        import torch

        x = torch.tensor(x, requires_grad=True)
        leaves = [x, *(v.value for v in layer.trainable_weights)]
        values = torch.autograd.grad(ops.sum(layer(x) * ops.convert_to_tensor(weight)), leaves)
    return [numpy(value) for value in values]


def finite_differences(layer, x, weight, step=1e-6):
    """The same by central differences, one entry at a time."""

    def loss(x):
        return float(np.sum(numpy(layer(x)) * weight))

    by_x = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        moved = np.array(x)
        moved[index] += step
        upper = loss(moved)
        moved[index] -= 2 * step
        by_x[index] = (upper - loss(moved)) / (2 * step)
    results = [by_x]
    for variable in layer.trainable_weights:
        value = numpy(variable).copy()
        by_weight = np.zeros_like(value)
        for index in np.ndindex(value.shape):
            sides = []
            for sign in (1, -1):
                moved = value.copy()
                moved[index] += sign * step
                variable.assign(moved)
                sides.append(loss(x))
            by_weight[index] = (sides[0] - sides[1]) / (2 * step)
        variable.assign(value)
        results.append(by_weight)
    return results

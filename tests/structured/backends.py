"""What depends on the Keras back end of the tests: gradients, precision, number of examples."""

import keras
import numpy as np
from hypothesis import settings
from keras import ops

DOUBLE = {"dtype": "float64"}
if keras.backend.backend() != "tensorflow":
    # Elsewhere Keras computes cos, exp and the like of float64 in float32: too few digits here.
    from keras.src.backend.common import dtypes

    dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
if keras.backend.backend() == "jax":
    import jax

    jax.config.update("jax_enable_x64", True)

# Every new shape is compiled operation by operation on JAX: seconds for what TensorFlow does in
# milliseconds.
quick = settings(
    max_examples=3 if keras.backend.backend() == "jax" else 8, deadline=None, derandomize=True
)


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


def assert_gradients(layer, x, weight, got, step=1e-6):
    """Hold ``gradients`` to central differences along two random directions for each tensor."""
    rng = np.random.default_rng(0)

    def loss(x):
        return float(np.sum(numpy(layer(x)) * weight))

    def slope(value, direction, evaluate):
        return (evaluate(value + step * direction) - evaluate(value - step * direction)) / (
            2 * step
        )

    for _ in range(2):
        direction = rng.normal(size=x.shape)
        expected = slope(x, direction, loss)
        np.testing.assert_allclose(np.sum(got[0] * direction), expected, rtol=1e-6, atol=1e-8)
        for variable, gradient in zip(layer.trainable_weights, got[1:], strict=True):
            value = numpy(variable).copy()
            direction = rng.normal(size=value.shape)

            def moved(new, variable=variable):
                variable.assign(new)
                return loss(x)

            expected = slope(value, direction, moved)
            variable.assign(value)
            np.testing.assert_allclose(np.sum(gradient * direction), expected, rtol=1e-6, atol=1e-8)

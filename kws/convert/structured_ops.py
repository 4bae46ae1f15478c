"""What a structured layer becomes in the graph: the op, ordinary operators, or its matrix."""

from collections.abc import Callable
from dataclasses import dataclass, field

import keras
import numpy as np

from kws.structured import ToeplitzLike
from kws.tflite.ops import FLOAT_SCOPE, TOEPLITZ_LIKE


@dataclass
class LoweredLayer:
    """A layer's replacement. ``call(x, *constants)`` builds it, given the constants as tensors.

    The constants are kept out of the converter's sight: it would fold what is computed from them
    and write the matrices into the file.
    """

    call: Callable
    constants: list[np.ndarray] = field(default_factory=list)


def dense(layer, vectors: int) -> LoweredLayer:
    """One product with the matrix, worked out here."""
    import tensorflow as tf

    weights = _numpy(layer.matrix()).T

    def call(x):
        y = tf.linalg.matmul(x, tf.constant(weights))
        return layer.activation(y if layer.bias is None else y + layer.bias)

    return LoweredLayer(call)


def builtin_only(layer, vectors: int) -> LoweredLayer:
    """Transforms, or matrices written out at run time; dense for any other structure."""
    import tensorflow as tf

    if not isinstance(layer, ToeplitzLike):
        return dense(layer, vectors)
    g, h = _numpy(layer.g), _numpy(layer.h)
    if matrices_pay(layer.n, layer.rank, vectors):
        product, constants = product_by_matrices, [g, h]
    else:
        product, constants = product_by_transforms, spectra(g, h)

    def call(x, *constants):
        with tf.name_scope(FLOAT_SCOPE):
            flat = tf.reshape(x, (-1, layer.inputs))
            padded = tf.pad(flat, [[0, 0], [0, layer.n - layer.inputs]])
            y = product(padded if layer.n > layer.inputs else flat, *constants)
            y = tf.reshape(y[:, : layer.units], (*x.shape[:-1], layer.units))
        return layer.activation(y if layer.bias is None else y + layer.bias)

    return LoweredLayer(call, constants)


def custom(layer, vectors: int) -> LoweredLayer:
    """The op KwsToeplitzLike with only the generators; dense for any other structure."""
    import tensorflow as tf

    if not isinstance(layer, ToeplitzLike):
        return dense(layer, vectors)

    # The converter keeps a function so marked as one operator of that name, with the function's
    # attributes as its options; the body is never converted, only its result's shape matters.
    @tf.function(
        experimental_implements=" ".join(
            [
                f'name: "{TOEPLITZ_LIKE}"',
                'attr { key: "tfl_fusable_op" value { b: true } }',
                'attr { key: "version" value { i: 1 } }',
                f'attr {{ key: "units" value {{ i: {layer.units} }} }}',
            ]
        )
    )
    def op(x, g, h, *bias):
        return tf.repeat(x[..., :1] + g[0, 0] + h[0, 0], layer.units, axis=-1)

    def call(x, *constants):
        return layer.activation(op(x, *constants))

    weights = [layer.g, layer.h, *([] if layer.bias is None else [layer.bias])]
    return LoweredLayer(call, [_numpy(weight) for weight in weights])


def _numpy(tensor) -> np.ndarray:
    return keras.ops.convert_to_numpy(tensor).astype(np.float32)


# The two forms cross where each vector of an inference pays for so many entries written out
# (measured on x86, LiteRT 2.3: at n = 64, rank 1 with 1 vector, at n = 128 with 3 for rank 1 and 7
# for rank 4, at n = 256 with 7 and 16). Beyond a second-level cache matrices never win.
ENTRIES_PER_VECTOR, MOST_ENTRIES = 1 << 13, 1 << 18


def matrices_pay(n: int, rank: int, vectors: int) -> bool:
    """Whether writing the matrices out beats transforms for ``vectors`` per inference."""
    return rank * n * n <= min(ENTRIES_PER_VECTOR * vectors, MOST_ENTRIES)


def product_by_matrices(x, g, h):
    """``x Mᵀ``: x (b, n), g and h (rank, n), all tensors; result (b, n)."""
    import tensorflow as tf

    skew = _circulants_transposed(tf.concat([h, -h], -1))
    circulant = _circulants_transposed(tf.concat([g, g], -1))
    return tf.reduce_sum(tf.matmul(tf.matmul(x[None], skew), circulant), 0)


def _circulants_transposed(period):
    """Entry (i, b, k) is ``period[i, (k − b) mod 2n]``: (rank, 2n) to (rank, n, n).

    Rows of 2n − 1 cut from a sequence of period 2n move one place to the right each time.
    """
    import tensorflow as tf

    rank, length = period.shape
    n = length // 2
    flat = tf.tile(period, [1, n])[:, : n * (length - 1)]
    return tf.reshape(flat, (rank, n, length - 1))[..., :n]


def spectra(g: np.ndarray, h: np.ndarray) -> list[np.ndarray]:
    """What ``product_by_transforms`` takes in place of the generators.

    For each of g and h (rank, n) the real part less, and plus, the imaginary part of its
    spectrum: four arrays (rank, length / 2 + 1), scaled by 1 / length for the way back. h is
    padded to ``_linear_length(n)``; so is g unless n is a power of two.
    """
    n = g.shape[1]
    linear = _linear_length(n)
    arrays = []
    for generator, length in ((g, n if n & (n - 1) == 0 else linear), (h, linear)):
        spectrum = np.fft.rfft(generator.astype(np.float64), length) / length
        arrays += [spectrum.real - spectrum.imag, spectrum.real + spectrum.imag]
    return [array.astype(np.float32) for array in arrays]


def product_by_transforms(x, g_minus, g_plus, h_minus, h_plus):
    """``x Mᵀ``: x (b, n) and the arrays of ``spectra``, all tensors; result (b, n).

    The skew-circulant product is a linear convolution whose tail is subtracted from its head;
    so is the circulant one, with a sum, unless n is a length that RFFT2D has.
    """
    import tensorflow as tf

    n = x.shape[-1]
    linear, circular = (2 * (part.shape[-1] - 1) for part in (h_minus, g_minus))
    minus, plus = _multiplied(_padded(x, linear), h_minus[:, None], h_plus[:, None])
    inner = _hartley(minus, plus)
    inner = inner[..., :n] - inner[..., n : 2 * n]
    minus, plus = _multiplied(_padded(inner, circular), g_minus[:, None], g_plus[:, None])
    y = _hartley(tf.reduce_sum(minus, 0), tf.reduce_sum(plus, 0))
    return y if circular == n else y[..., :n] + y[..., n : 2 * n]


def _linear_length(n: int) -> int:
    """The power of two that holds a linear convolution of n with n, folded in whole rows."""
    return 1 << (2 * n - 1).bit_length()


def _padded(x, length: int):
    import tensorflow as tf

    return tf.pad(x, [[0, 0]] * (len(x.shape) - 1) + [[0, length - x.shape[-1]]])


def _multiplied(x, minus, plus):
    """Re − Im and Re + Im of the spectrum of x times the one that minus and plus stand for."""
    real, imag = _rfft(x)
    return real * minus - imag * plus, real * plus + imag * minus


def _hartley(minus, plus):
    """The Hartley transform of the sequence whose own has these two halves."""
    real, imag = _rfft(_joined(minus, plus))
    return _joined(real - imag, real + imag)


def _joined(minus, plus):
    """A Hartley spectrum of full length from Re − Im and Re + Im of half of a Fourier one."""
    import tensorflow as tf

    return tf.concat([minus, tf.reverse(plus[..., 1:-1], [-1])], -1)


def _rfft(x):
    import tensorflow as tf

    spectrum = tf.signal.rfft(x)
    return tf.math.real(spectrum), tf.math.imag(spectrum)

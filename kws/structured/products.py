"""Circulant and skew-circulant products: as matrices for small n, by FFT for large n.

The FFT forms follow section 3 of Sindhwani, Sainath and Kumar, *Structured Transforms for
Small-Footprint Deep Learning* (NIPS 2015). A complex number is a pair ``(real, imag)`` of
tensors, as in ``keras.ops``, so that every function runs on every Keras back end.
"""

import math

import keras
import numpy as np
from keras import ops

Spectrum = tuple  # a pair (real, imag) of tensors of one shape


def circulant_transposed(g):
    """``Z_1(g)ᵀ`` for each row of ``g``: shape (…, n) to (…, n, n)."""
    n = g.shape[-1]
    return shifted_rows(ops.concatenate([g, g], axis=-1), n)[..., :n]


def skew_circulant_transposed(h):
    """``Z_{-1}(h)ᵀ`` for each row of ``h``: shape (…, n) to (…, n, n)."""
    n = h.shape[-1]
    return shifted_rows(ops.concatenate([h, -h], axis=-1), n)[..., :n]


def shifted_rows(period, rows: int):
    """Entry (b, k) is ``period[(k − b) mod p]``: shape (…, p) to (…, rows, p − 1).

    Rows of p − 1 cut from a sequence of period p move one place to the right each time. A
    broadcast and a reshape do that; their gradient is a sum, where an index would scatter.
    """
    *lead, p = period.shape
    tiled = ops.broadcast_to(period[..., None, :], (*lead, rows, p))
    flat = ops.reshape(tiled, (*lead, rows * p))[..., : rows * (p - 1)]
    return ops.reshape(flat, (*lead, rows, p - 1))


def toeplitz_like_transposed(g, h, inputs: int, units: int):
    """The first rows and columns of ``Mᵀ`` for ``M = Σ Z_1(gᵢ) Z_{-1}(hᵢ)``: (inputs, units)."""
    rank, n = g.shape
    by = _by_products if rank * n <= 96 else _by_recurrence
    return by(g, h)[:inputs, :units]


def toeplitz_like(x, g, h):
    """``x Mᵀ`` for ``M = Σ Z_1(gᵢ) Z_{-1}(hᵢ)``: x (b, n), g and h (r, n), result (b, n).

    2(rb + b + r) FFTs: the transform of x serves every rank, and the sum over the ranks
    happens in the frequency domain and is transformed back once.
    """
    n = x.shape[-1]
    x, g, h = (full_precision(tensor) for tensor in (x, g, h))
    spectrum = multiply(skew_circulant_spectrum(x[:, None]), skew_circulant_spectrum(h))
    inner = from_skew_circulant_spectrum(spectrum, n)
    real, imag = multiply(ops.rfft(inner), ops.rfft(g))
    return ops.irfft((ops.sum(real, axis=1), ops.sum(imag, axis=1)), n)


def circulant(x, g):
    """``x Z_1(g)ᵀ``: x (…, n), g (…, n) broadcast against each other.

    The real FFT diagonalises ``Z_1``.
    """
    x, g = full_precision(x), full_precision(g)
    return ops.irfft(multiply(ops.rfft(x), ops.rfft(g)), x.shape[-1])


def skew_circulant(x, h):
    """``x Z_{-1}(h)ᵀ``: x (…, n), h (…, n) broadcast against each other."""
    x, h = full_precision(x), full_precision(h)
    spectrum = multiply(skew_circulant_spectrum(x), skew_circulant_spectrum(h))
    return from_skew_circulant_spectrum(spectrum, x.shape[-1])


def fft_pays(batch: int, pairs: int, length: int, n: int, entry_cost: float) -> bool:
    """Whether FFTs are faster than the materialised matrix, forward and backward together.

    Args:
        batch: number of vectors.
        pairs: how many forward and inverse transforms a vector takes.
        length: of a transform.
        n: size of the matrix.
        entry_cost: nanoseconds to materialise an entry of the matrix.

    The constants are nanoseconds too, measured on one x86-64 core with XLA (docs/structured.md).
    """
    transforms = batch * pairs * 0.82 * length * math.log2(max(length, 2))
    return transforms < n * n * (0.07 * batch + entry_cost)


def toeplitz_like_fft_pays(batch: int, rank: int, n: int) -> bool:
    """Whether ``toeplitz_like`` is faster than a product with ``toeplitz_like_transposed``."""
    return fft_pays(batch, rank + 1, n, n, min(0.1 * rank * n, 3.3))


def skew_circulant_spectrum(x) -> Spectrum:
    """Spectrum of real rows that diagonalises ``Z_{-1}``: (…, n) to half of its n values.

    For even n the values at half of the roots of zⁿ = −1 are enough, the others are their
    conjugates. Packing ``x_k + i·x_{k+n/2}`` leaves one complex FFT of length n/2. For odd n
    alternating signs turn ``Z_{-1}`` into ``Z_1``, which a real FFT of length n diagonalises.
    """
    n = x.shape[-1]
    if n % 2:
        return ops.rfft(x * _alternating(n, x.dtype))
    cos, sin = _twist(n, x.dtype)
    real, imag = x[..., : n // 2], x[..., n // 2 :]
    return ops.fft((real * cos - imag * sin, real * sin + imag * cos))


def from_skew_circulant_spectrum(spectrum: Spectrum, n: int):
    """Inverse of ``skew_circulant_spectrum`` for rows of length ``n``."""
    if n % 2:
        x = ops.irfft(spectrum, n)
        return x * _alternating(n, x.dtype)
    real, imag = _inverse_fft(spectrum)
    cos, sin = _twist(n, real.dtype)
    return ops.concatenate([real * cos + imag * sin, imag * cos - real * sin], axis=-1)


def multiply(x: Spectrum, y: Spectrum) -> Spectrum:
    """Elementwise complex product."""
    return x[0] * y[0] - x[1] * y[1], x[0] * y[1] + x[1] * y[0]


def full_precision(x):
    """``x`` in a type that has FFTs: float64 stays, everything else becomes float32."""
    is_double = keras.backend.standardize_dtype(x.dtype) == "float64"
    return ops.cast(x, "float64" if is_double else "float32")


def _by_products(g, h):
    """``Mᵀ = Σ Z_{-1}(hᵢ)ᵀ Z_1(gᵢ)ᵀ`` as one product with the ranks side by side: O(rn³)."""
    rank, n = g.shape
    left = ops.reshape(ops.transpose(skew_circulant_transposed(h), (1, 0, 2)), (n, rank * n))
    return ops.matmul(left, ops.reshape(circulant_transposed(g), (rank * n, n)))


def _by_recurrence(g, h):
    """``Mᵀ`` from the displacement of M: O(rn²).

    ``Z_1 M − M Z_{-1} = 2 Σ gᵢ (J hᵢ)ᵀ`` says how column b + 1 of M follows from column b: moved
    down by one place, minus ``2 Σ gᵢ hᵢ[n − 1 − b]``.
    """
    g, h = full_precision(g), full_precision(h)
    steps = ops.matmul(ops.transpose(-2 * ops.flip(h, axis=-1)), ops.roll(g, -1, axis=-1))
    return _sum_along_diagonals(steps)


def _sum_along_diagonals(steps):
    """Row b + 1 is row b plus ``steps[b]``, moved round by one place: (n, n) to (n, n).

    Moved back by b places each, the rows are a running sum. The row after the last one would be
    the first with the sign changed, hence the first is minus half of the sum of all.

    Automatic differentiation would take several times as long for the gradient as for the sum.
    But it is the same sum: with R for the rotations and S for the running sum the matrix of this
    map is ``A = R S Rᵀ``, S has −1/2 on and above its diagonal and 1/2 below, so ``Sᵀ = −S − I``
    and ``Aᵀ = −A − I``.
    """

    @ops.custom_gradient
    def accumulate(x):
        def gradient(*args, upstream=None):  # by name on torch, by place elsewhere
            upstream = args[0] if upstream is None else upstream
            return -_sum_along_diagonals(upstream) - upstream

        return _move_rows_right(_running_sum(_move_rows_left(x))), gradient

    return accumulate(steps)


def _move_rows_left(x):
    """Row b moved round by b places to the left: (n, n) to (n, n)."""
    n = x.shape[0]
    twice = ops.reshape(ops.concatenate([x, x], axis=1), (2 * n * n,))
    # Cut into rows of 2n + 1. There is not enough for the last one, which is made by itself.
    upper = ops.reshape(twice[: (n - 1) * (2 * n + 1)], (n - 1, 2 * n + 1))[:, :n]
    last = ops.roll(x[n - 1 :], 1, axis=1)
    return ops.concatenate([upper, last], axis=0)


def _move_rows_right(x):
    """Row b moved round by b places to the right: (n, n) to (n, n)."""
    n = x.shape[0]
    twice = ops.reshape(ops.concatenate([x, x], axis=1), (2 * n * n,))
    return ops.reshape(twice[n:], (n, 2 * n - 1))[:, :n]


def _running_sum(x, block: int = 8):
    """Row b is the sum of the rows before it minus half of the sum of all rows.

    Block by block, for all blocks at once: faster on a CPU than ``cumsum``.
    """
    rows, n = x.shape
    if rows <= 32:
        return ops.matmul(ops.convert_to_tensor(np.tri(rows, k=-1) - 0.5, x.dtype), x)
    blocks = -(-rows // block)
    x = ops.reshape(ops.pad(x, ((0, blocks * block - rows), (0, 0))), (blocks, block, n))
    sums = [x[:, 0]]
    for place in range(1, block):
        sums.append(sums[-1] + x[:, place])
    before = _running_sum(sums[-1])
    summed = ops.stack([before, *(before + within for within in sums[:-1])], axis=1)
    return ops.reshape(summed, (blocks * block, n))[:rows]


def _inverse_fft(spectrum: Spectrum) -> Spectrum:
    # keras.ops has no inverse complex FFT: conj(FFT(conj(z))) / n is one.
    real, imag = spectrum
    scale = 1 / real.shape[-1]
    real, imag = ops.fft((real * scale, imag * -scale))
    return real, -imag


def _twist(n: int, dtype):
    angle = np.pi * np.arange(n // 2) / n
    return ops.convert_to_tensor(np.cos(angle), dtype), ops.convert_to_tensor(np.sin(angle), dtype)


def _alternating(n: int, dtype):
    return ops.convert_to_tensor((-1.0) ** np.arange(n), dtype)

"""Circulant and skew-circulant products: as matrices for small n, by FFT for large n.

The FFT forms follow section 3 of Sindhwani, Sainath and Kumar, *Structured Transforms for
Small-Footprint Deep Learning* (NIPS 2015). A complex number is a pair ``(real, imag)`` of
tensors, as in ``keras.ops``, so that every function runs on every Keras back end.
"""

import keras
import numpy as np
from keras import ops

Spectrum = tuple  # a pair (real, imag) of tensors of one shape


def circulant_transposed(g):
    """``Z_1(g)ᵀ`` for each row of ``g``: shape (…, n) to (…, n, n)."""
    return _cyclic_transposed(g, g)


def skew_circulant_transposed(h):
    """``Z_{-1}(h)ᵀ`` for each row of ``h``: shape (…, n) to (…, n, n)."""
    return _cyclic_transposed(h, -h)


def _cyclic_transposed(below, above):
    """Entry (b, a) is ``below[a − b]`` where a ≥ b, else ``above[n + a − b]``.

    Rows of 2n − 1 cut from a sequence of period 2n move one place to the right each time.
    A broadcast and a reshape do that; their gradient is a sum, where an index would scatter.
    """
    n = below.shape[-1]
    lead = tuple(below.shape[:-1])
    period = ops.concatenate([below, above], axis=-1)[..., None, :]
    tiled = ops.reshape(ops.broadcast_to(period, (*lead, n, 2 * n)), (*lead, 2 * n * n))
    return ops.reshape(tiled[..., : n * (2 * n - 1)], (*lead, n, 2 * n - 1))[..., :n]


def circulant_spectrum(x) -> Spectrum:
    """Spectrum of real rows that diagonalises ``Z_1``: (…, n) to (…, n // 2 + 1)."""
    return ops.rfft(x)


def from_circulant_spectrum(spectrum: Spectrum, n: int):
    """Inverse of ``circulant_spectrum`` for rows of length ``n``."""
    return ops.irfft(spectrum, fft_length=n)


def skew_circulant_spectrum(x) -> Spectrum:
    """Spectrum of real rows that diagonalises ``Z_{-1}``: half the textbook length.

    For even n the values at half of the roots of zⁿ = −1 are enough, the others are their
    conjugates: packing ``x_k + i·x_{k+n/2}`` leaves one complex FFT of length n/2. For odd n
    alternating signs turn ``Z_{-1}`` into ``Z_1``, and a real FFT of length n does it.
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
        x = ops.irfft(spectrum, fft_length=n)
        return x * _alternating(n, x.dtype)
    real, imag = _inverse_fft(spectrum)
    cos, sin = _twist(n, real.dtype)
    return ops.concatenate([real * cos + imag * sin, imag * cos - real * sin], axis=-1)


def toeplitz_like(x, g, h):
    """``x Mᵀ`` for ``M = Σ Z_1(gᵢ) Z_{-1}(hᵢ)``: x (b, n), g and h (r, n), result (b, n).

    2(rb + b + r) FFTs: the transform of x serves every rank, and the sum over the ranks
    happens in the frequency domain and is transformed back once.
    """
    n = x.shape[-1]
    dtype = "float64" if keras.backend.standardize_dtype(x.dtype) == "float64" else "float32"
    x, g, h = (ops.cast(tensor, dtype) for tensor in (x, g, h))
    spectrum = multiply(expand(skew_circulant_spectrum(x), 1), skew_circulant_spectrum(h))
    inner = from_skew_circulant_spectrum(spectrum, n)
    real, imag = multiply(circulant_spectrum(inner), circulant_spectrum(g))
    return from_circulant_spectrum((ops.sum(real, axis=1), ops.sum(imag, axis=1)), n)


def multiply(x: Spectrum, y: Spectrum) -> Spectrum:
    """Elementwise complex product."""
    return x[0] * y[0] - x[1] * y[1], x[0] * y[1] + x[1] * y[0]


def expand(spectrum: Spectrum, axis: int) -> Spectrum:
    """``expand_dims`` of both parts."""
    return tuple(ops.expand_dims(part, axis) for part in spectrum)


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

"""Microseconds of this library's complex FFTs beside scipy's pocketfft and, if installed, FFTW.

    cmake -S . -B build && cmake --build build --target fft_entry
    pip install scipy pyfftw
    python export/ldr/compare_ffts.py build/libfft_entry.so

float32, one thread, arrays that stay in the cache, each transform once per round in turn; the
least of the rounds. FFTW plans with FFTW_PATIENT. Ours leaves its spectrum in its own order, the
others in the natural one; `dB` is the signal-to-noise ratio of ours against float64.
"""

import ctypes
import sys
import time
from collections.abc import Callable

import numpy as np
import scipy.fft

try:
    import pyfftw
except ImportError:
    pyfftw = None

LENGTHS = (128, 256, 512, 1024, 2048, 4096)
ROUNDS, AT_ONCE = 1000, 8192  # complex numbers in one sample


def aligned(count: int) -> np.ndarray:
    """float32 zeros that begin at a multiple of 64 bytes."""
    floats = np.zeros(count + 16, np.float32)
    start = -(floats.ctypes.data // 4) % 16
    return floats[start : start + count]


def ours(library: ctypes.CDLL, index: int, x: np.ndarray) -> tuple[Callable[[], None], float]:
    """A function that transforms as many vectors as x (count, m) has, and its SNR in decibel."""
    count, m = x.shape
    width = library.fft_width(index)
    twiddles, data = aligned(2 * m), aligned(2 * m * count)
    library.fft_twiddles(index, m, twiddles.ctypes.data)
    # Real and imaginary parts of `width` numbers in turn.
    blocks = data.reshape(count, m // width, 2, width)
    blocks[:, :, 0] = x.real.reshape(count, -1, width)
    blocks[:, :, 1] = x.imag.reshape(count, -1, width)

    addresses = twiddles.ctypes.data, data.ctypes.data

    def run(kept=(twiddles, data)) -> None:
        library.fft_forward(index, m, *addresses, count)

    run()
    order = [library.fft_frequency(index, m, place) for place in range(m)]
    expected = scipy.fft.fft(x.astype(np.complex128))[:, order]
    found = (blocks[:, :, 0] + 1j * blocks[:, :, 1]).reshape(count, m)
    error = np.sum(np.abs(found - expected) ** 2) / np.sum(np.abs(expected) ** 2)
    data[:] = 0  # otherwise it grows until it overflows
    return run, -10 * np.log10(error)


def fftw(x: np.ndarray) -> Callable[[], None]:
    source = pyfftw.empty_aligned(x.shape, "complex64", n=64)
    result = pyfftw.empty_aligned(x.shape, "complex64", n=64)
    plan = pyfftw.FFTW(source, result, flags=("FFTW_PATIENT",), threads=1)
    source[:] = x
    return plan.execute


def least(functions: dict[str, Callable[[], None]]) -> dict[str, float]:
    best = dict.fromkeys(functions, np.inf)
    for _ in range(ROUNDS):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def main() -> None:
    library = ctypes.CDLL(sys.argv[1])
    size, pointer = ctypes.c_size_t, ctypes.c_void_p
    library.fft_name.argtypes, library.fft_name.restype = [size], ctypes.c_char_p
    library.fft_width.argtypes, library.fft_width.restype = [size], size
    library.fft_twiddles.argtypes = [size, size, pointer]
    library.fft_forward.argtypes = [size, size, pointer, pointer, size]
    library.fft_frequency.argtypes, library.fft_frequency.restype = [size] * 3, size
    rng = np.random.default_rng(0)
    for m in LENGTHS:
        count = max(1, AT_ONCE // m)
        x = (rng.normal(size=(count, m)) + 1j * rng.normal(size=(count, m))).astype(np.complex64)
        functions: dict = {"pocketfft": lambda x=x: scipy.fft.fft(x, workers=1)}
        if pyfftw:
            functions["fftw"] = fftw(x)
        decibel = {}
        for index in range(4):
            name = library.fft_name(index)
            if name and library.fft_width(index) ** 2 <= m:
                functions[name.decode()], decibel[name.decode()] = ours(library, index, x)
        times = {name: 1e6 * value / count for name, value in least(functions).items()}
        fastest = min(times[name] for name in ("pocketfft", "fftw") if name in times)
        cells = [
            f"{name} {us:.3f} ({us / fastest:.2f}×"
            + (f", {decibel[name]:.0f} dB)" if name in decibel else ")")
            for name, us in times.items()
        ]
        print(f"{m:5}", *cells, sep="  ", flush=True)


if __name__ == "__main__":
    main()

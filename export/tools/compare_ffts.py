"""Microseconds of this library's complex FFTs beside scipy's pocketfft and, if installed, FFTW.

    cmake -S . -B build && cmake --build build --target fft_entry
    pip install scipy pyfftw
    python export/tools/compare_ffts.py build/libfft_entry.so docs/results/ffts.json

How it measures stands in METHOD, which goes into the results.
"""

import ctypes
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy.fft

from kws.utils.files import write_text
from kws.utils.provenance import provenance

try:
    import pyfftw
except ImportError:
    pyfftw = None

LENGTHS = (128, 256, 512, 1024, 2048, 4096)
ROUNDS, AT_ONCE = 1000, 8192  # complex numbers in one sample

METHOD = (
    "Complex float32 FFTs of normal random numbers, one thread, arrays that stay in the cache; in "
    f"each of {ROUNDS} rounds every transform once, on {AT_ONCE} numbers; microseconds of one "
    "transform in the least of the rounds. FFTW plans with FFTW_PATIENT. Ours work in place on "
    "numbers put there anew before each round, untimed, and leave the spectrum in an order of "
    "their own; the others write another array, in the natural order. snr_db is against float64."
)

Pair = tuple[Callable[[], None], Callable[[], None]]  # what precedes a transform, and itself


def aligned(count: int) -> np.ndarray:
    """float32 zeros that begin at a multiple of 64 bytes."""
    floats = np.zeros(count + 16, np.float32)
    start = -(floats.ctypes.data // 4) % 16
    return floats[start : start + count]


def ours(library: ctypes.CDLL, index: int, x: np.ndarray) -> tuple[Pair, float]:
    """What transforms as many vectors as x (count, m) has, and its SNR in decibel."""
    count, m = x.shape
    width = library.fft_width(index)
    twiddles, data = aligned(2 * m), aligned(2 * m * count)
    library.fft_twiddles(index, m, twiddles.ctypes.data)
    # Real and imaginary parts of `width` numbers in turn.
    blocks = data.reshape(count, m // width, 2, width)
    source = np.stack([x.real, x.imag], 1).reshape(count, 2, m // width, width)
    source = np.ascontiguousarray(source.transpose(0, 2, 1, 3))

    def refill() -> None:
        blocks[:] = source

    addresses = twiddles.ctypes.data, data.ctypes.data

    def run(kept=(twiddles, data)) -> None:
        library.fft_forward(index, m, *addresses, count)

    refill()
    run()
    order = [library.fft_frequency(index, m, place) for place in range(m)]
    expected = scipy.fft.fft(x.astype(np.complex128))[:, order]
    found = (blocks[:, :, 0] + 1j * blocks[:, :, 1]).reshape(count, m)
    error = np.sum(np.abs(found - expected) ** 2) / np.sum(np.abs(expected) ** 2)
    return (refill, run), -10 * np.log10(error)


def fftw(x: np.ndarray) -> Pair:
    source = pyfftw.empty_aligned(x.shape, "complex64", n=64)
    result = pyfftw.empty_aligned(x.shape, "complex64", n=64)
    plan = pyfftw.FFTW(source, result, flags=("FFTW_PATIENT",), threads=1)
    source[:] = x
    return nothing, plan.execute


def nothing() -> None:
    pass


def least(functions: dict[str, Pair]) -> dict[str, float]:
    best = dict.fromkeys(functions, np.inf)
    for _ in range(ROUNDS):
        for name, (prepare, function) in functions.items():
            prepare()
            start = time.perf_counter()
            function()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    library = ctypes.CDLL(sys.argv[1])
    size, pointer = ctypes.c_size_t, ctypes.c_void_p
    library.fft_name.argtypes, library.fft_name.restype = [size], ctypes.c_char_p
    library.fft_width.argtypes, library.fft_width.restype = [size], size
    library.fft_twiddles.argtypes = [size, size, pointer]
    library.fft_forward.argtypes = [size, size, pointer, pointer, size]
    library.fft_frequency.argtypes, library.fft_frequency.restype = [size] * 3, size
    rng = np.random.default_rng(0)
    rows = []
    for m in LENGTHS:
        count = max(1, AT_ONCE // m)
        x = (rng.normal(size=(count, m)) + 1j * rng.normal(size=(count, m))).astype(np.complex64)
        functions: dict = {"pocketfft": (nothing, lambda x=x: scipy.fft.fft(x, workers=1))}
        if pyfftw:
            functions["fftw"] = fftw(x)
        decibel = {}
        for index in range(4):
            name = library.fft_name(index)
            if name and library.fft_width(index) ** 2 <= m:
                functions[name.decode()], decibel[name.decode()] = ours(library, index, x)
        times = {name: 1e6 * value / count for name, value in least(functions).items()}
        rivals = min(times[name] for name in ("pocketfft", "fftw") if name in times)
        own = min(times[name] for name in decibel)
        rows.append({"m": m, "us": times, "ours_over_fastest_rival": own / rivals})
        rows[-1]["snr_db"] = decibel
        print(f"{m:5}", *(f"{name} {us:.3f}" for name, us in times.items()), f"{own / rivals:.2f}×")
    result = {"made_by": provenance(), "method": METHOD, "rows": rows}
    result["made_by"]["command"] = "python export/tools/compare_ffts.py " + " ".join(sys.argv[1:])
    write_text(Path(sys.argv[2]), json.dumps(result, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()

"""Damaged model files against the spotter: python export/tools/damage.py MODEL LIBRARY TFLITE

MODEL with each of 10,000 bits flipped, and cut off at every length, is given to kws_spotter_create
of LIBRARY (build/host/libkws_spotter.so) with the TFLite C library TFLITE. Each must be refused,
with one line; a crash ends this program.
"""

import ctypes
import sys
from pathlib import Path

import numpy as np

FLIPS = 10_000


class Options(ctypes.Structure):
    """``kws_spotter_options`` of kws_spotter.h."""

    _fields_ = (
        ("tflite_library", ctypes.c_char_p),
        ("threads", ctypes.c_int),
        ("plain", ctypes.c_bool),
        ("observer", ctypes.c_void_p),
    )


def main(model: Path, library: Path, tflite: Path) -> None:
    c = ctypes.CDLL(str(library.absolute()))
    c.kws_spotter_create.restype = ctypes.c_void_p
    options = Options(str(tflite.absolute()).encode(), 1)
    message = ctypes.create_string_buffer(256)

    def accepted(data: bytes) -> bool:
        size, room = ctypes.c_size_t(len(data)), ctypes.c_size_t(len(message))
        message.value = b""
        spotter = c.kws_spotter_create(data, size, ctypes.byref(options), message, room)
        if not spotter and (not message.value or b"\n" in message.value):
            raise SystemExit(f"refused without one line: {message.value}")
        return bool(spotter)

    whole = model.read_bytes()
    if not accepted(whole):
        raise SystemExit(f"the whole file is refused: {message.value.decode()}")
    rng = np.random.default_rng(0)
    flipped = 0
    for bit in rng.choice(8 * len(whole), min(FLIPS, 8 * len(whole)), replace=False).tolist():
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        flipped += accepted(bytes(data))
    cut = sum(accepted(whole[:length]) for length in range(len(whole)))
    print(
        f"{model}: of {FLIPS} with a flipped bit {flipped} were accepted, "
        f"of {len(whole)} cut off {cut}"
    )
    if flipped or cut:
        raise SystemExit(1)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))

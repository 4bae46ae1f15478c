"""The device's front end in C (export/frontend), called from Python.

It is part of the op library that is built when the package is installed. So Python detects with
the code that runs on the device.
"""

import ctypes
from functools import cache
from pathlib import Path

import numpy as np

from kws.frontend.log_mel import FrontEnd
from kws.native import op_library
from kws.utils.errors import KwsError

_BLOCK = 1 << 14  # samples


class _Description(ctypes.Structure):
    """``kws_frontend`` of log_mel.h."""

    _fields_ = (
        ("rate", ctypes.c_double),
        ("window_ms", ctypes.c_double),
        ("hop_ms", ctypes.c_double),
        ("bands", ctypes.c_int),
        ("low_hz", ctypes.c_double),
        ("high_hz", ctypes.c_double),
        ("floor", ctypes.c_double),
    )


class NativeFeatureStream:
    """Log-mel frames of audio that arrives in chunks.

    They are those of ``kws.frontend.FeatureStream`` to 3e-4 for samples in [-1, 1], broken samples
    included. Raises KwsError if the library was not built, or refuses the front end.
    """

    def __init__(self, frontend: FrontEnd, library: Path | None = None):
        self._c = _library(library or op_library())
        description = _Description(**frontend.to_dict())
        fault = self._c.kws_frontend_fault(ctypes.byref(description))
        if fault:
            raise KwsError(f"frontend: {fault.decode()}", 2)
        size = self._c.kws_log_mel_bytes(ctypes.byref(description))
        self._memory = ctypes.create_string_buffer(size)
        self._stream = ctypes.c_void_p(
            self._c.kws_log_mel_init(self._memory, ctypes.byref(description))
        )
        # Arrays of its own, since asking one for its address takes longer than a frame's features.
        self._samples = np.empty(_BLOCK, np.float32)
        self._frames = np.empty((1 + _BLOCK // frontend.hop, frontend.bands), np.float32)
        self._from = ctypes.c_void_p(self._samples.ctypes.data)
        self._to = ctypes.c_void_p(self._frames.ctypes.data)

    def feed(self, chunk: np.ndarray) -> np.ndarray:
        """Take any number of samples, float (count,); return the frames they complete, float32
        (frames, bands)."""
        if len(chunk) <= _BLOCK:
            return self._feed(chunk)
        blocks = (chunk[at : at + _BLOCK] for at in range(0, len(chunk), _BLOCK))
        return np.concatenate([self._feed(block) for block in blocks])

    def _feed(self, block: np.ndarray) -> np.ndarray:
        count = len(block)
        self._samples[:count] = block
        complete = self._c.kws_log_mel_feed(self._stream, self._from, count, self._to)
        return self._frames[:complete].copy()


@cache
def _library(path: Path | None) -> ctypes.CDLL:
    if path is None:
        raise KwsError("kws's op library is not built: install kws with pip (a C compiler is used)")
    library = ctypes.CDLL(str(path))
    pointer, size = ctypes.c_void_p, ctypes.c_size_t
    description = ctypes.POINTER(_Description)
    for name, result, arguments in (
        ("kws_frontend_fault", ctypes.c_char_p, [description]),
        ("kws_log_mel_bytes", size, [description]),
        ("kws_log_mel_init", pointer, [pointer, description]),
        ("kws_log_mel_feed", size, [pointer, pointer, size, pointer]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library

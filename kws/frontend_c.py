"""The device's front end (export/frontend) from Python: the same features as ``kws.frontend``.

It is in the op library that is built when the package is installed, so that what Python detects
with is what runs on the device.
"""

import ctypes
from functools import cache
from pathlib import Path

import numpy as np

from kws.errors import KwsError
from kws.frontend import FrontEnd
from kws.runtime import op_library


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


class FeatureStream:
    """Log-mel frames of audio that arrives in chunks, as ``kws.frontend.FeatureStream`` gives
    them, to 3e-4; a sample that is no number counts as 0, one beyond a million as 1 or −1.

    Raises KwsError if the library was not built.
    """

    def __init__(self, frontend: FrontEnd, library: Path | None = None):
        self._c = _library(library or op_library())
        self._hop, self._bands = frontend.hop, frontend.bands
        description = _Description(**frontend.to_dict())
        fault = self._c.kws_frontend_fault(ctypes.byref(description))
        if fault:
            raise KwsError(f"frontend: {fault.decode()}", 2)
        size = self._c.kws_log_mel_bytes(ctypes.byref(description))
        self._memory = ctypes.create_string_buffer(size)
        self._stream = ctypes.c_void_p(
            self._c.kws_log_mel_init(self._memory, ctypes.byref(description))
        )
        self._wanted = frontend.window

    def feed(self, chunk: np.ndarray) -> np.ndarray:
        """Take a chunk of samples (any length); return the frames it completes (frames, bands)."""
        chunk = np.ascontiguousarray(chunk, np.float32)
        count = len(chunk)
        complete = 0 if count < self._wanted else 1 + (count - self._wanted) // self._hop
        self._wanted += complete * self._hop - count
        frames = np.empty((complete, self._bands), np.float32)
        self._c.kws_log_mel_feed(self._stream, chunk.ctypes.data, count, frames.ctypes.data)
        return frames


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

"""Sound: read and written (``io``), measured and trimmed (``levels``)."""

from kws.audio.io import (
    RATE,
    SUFFIXES,
    blocks,
    describe,
    duration,
    find,
    from_int16,
    microphone,
    raw_blocks,
    read,
    to_int16,
    write,
)

__all__ = [
    "RATE",
    "SUFFIXES",
    "blocks",
    "describe",
    "duration",
    "find",
    "from_int16",
    "microphone",
    "raw_blocks",
    "read",
    "to_int16",
    "write",
]

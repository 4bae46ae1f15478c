"""Sound: read and written (``io``), found in folders (``folders``), measured (``levels``)."""

from kws.audio.folders import Survey, find, survey
from kws.audio.io import (
    RATE,
    SUFFIXES,
    blocks,
    describe,
    duration,
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
    "Survey",
    "blocks",
    "describe",
    "duration",
    "find",
    "from_int16",
    "microphone",
    "raw_blocks",
    "read",
    "survey",
    "to_int16",
    "write",
]

"""TFLite's C library, which the C programs of export/ load."""

import os
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from kws.utils.errors import KwsError
from kws.utils.files import cache_folder, replacing

# This package ships the library (2.17.1, Apache-2.0) with XNNPACK in it, for both machines.
PACKAGE, PLATFORM = "pymicro-wakeword==2.5.0", "manylinux_2_35_{machine}"
MEMBER = "pymicro_wakeword/lib/libtensorflowlite_c.so"

# By e_machine of the ELF header.
_MACHINES = {62: "x86_64", 183: "aarch64"}


def tflite_library(machine: str, given: Path | None = None) -> Path:
    """libtensorflowlite_c.so for ``x86_64`` or ``aarch64``.

    It is the one given; else the one that KWS_TFLITE_LIB names, if that is for this machine; else
    that of a wheel, which pip fetches into the user's cache. Raises KwsError in one line if the
    one given is none or is for another machine, or if none can be fetched.
    """
    if given is not None:
        if not given.is_file():
            raise KwsError(f"{given}: is not there", 2)
        if _machine_of(given) != machine:
            raise KwsError(f"{given} is no library for {machine}; give its TFLite C library", 2)
        return given.absolute()
    named = os.environ.get("KWS_TFLITE_LIB")
    if named and not Path(named).is_file():
        raise KwsError(f"{named}: is not there (KWS_TFLITE_LIB names it)", 2)
    if named and _machine_of(Path(named)) == machine:
        return Path(named).absolute()
    return _fetched(machine, cache_folder() / machine / Path(MEMBER).name)


def _machine_of(file: Path) -> str | None:
    """The machine that an ELF file is for, as ``uname -m`` names it; None for any other file."""
    try:
        with file.open("rb") as stream:
            head = stream.read(20)
    except OSError:
        return None
    if len(head) < 20 or head[:4] != b"\x7fELF":
        return None
    return _MACHINES.get(struct.unpack_from("<H", head, 18)[0])


def _fetched(machine: str, library: Path) -> Path:
    if library.is_file():
        return library
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    with tempfile.TemporaryDirectory() as folder:
        command = [*pip, "--platform", PLATFORM.format(machine=machine), "--dest", folder, PACKAGE]
        if subprocess.run(command, capture_output=True).returncode != 0:
            raise KwsError(f"cannot fetch {PACKAGE} for {machine}; give --tflite-lib instead")
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive, replacing(library) as temporary:
            temporary.write_bytes(archive.read(MEMBER))
    return library

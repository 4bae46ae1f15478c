"""TensorFlow Lite's C library for a machine: as given, or out of a wheel that ships one."""

import os
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from kws.corpus.clips import cache_folder
from kws.errors import KwsError
from kws.files import replacing

# Who else ships TFLite's C library with XNNPACK in it (2.17.1, Apache-2.0), for both machines.
PACKAGE, PLATFORM = "pymicro-wakeword==2.5.0", "manylinux_2_35_{machine}"
MEMBER = "pymicro_wakeword/lib/libtensorflowlite_c.so"

# e_machine of the ELF header.
_MACHINES = {62: "x86_64", 183: "aarch64"}


def tflite_library(machine: str, given: Path | None = None) -> Path:
    """libtensorflowlite_c.so for ``x86_64`` or ``aarch64``.

    given: the one to take; if None, what the environment's KWS_TFLITE_LIB names if that is for
    this machine, else that of a wheel, fetched by pip into the user's cache. Raises KwsError in
    one line if the one given is none or is for another machine, or none can be fetched.
    """
    if given is not None:
        if not given.is_file():
            raise KwsError(f"{given}: is not there", 2)
        if machine_of(given) != machine:
            raise KwsError(f"{given} is no library for {machine}; give its TFLite C library", 2)
        return given.absolute()
    named = os.environ.get("KWS_TFLITE_LIB")
    if named and not Path(named).is_file():
        raise KwsError(f"{named}: is not there (KWS_TFLITE_LIB names it)", 2)
    if named and machine_of(Path(named)) == machine:
        return Path(named).absolute()
    return _fetched(machine, cache_folder() / machine / Path(MEMBER).name)


def machine_of(file: Path) -> str | None:
    """The machine that an ELF file is for, as ``uname -m`` names it; None if it is no such file."""
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
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode != 0:
            raise KwsError(f"cannot fetch {PACKAGE} for {machine}; give --tflite-lib instead")
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive, replacing(library) as temporary:
            temporary.write_bytes(archive.read(MEMBER))
    return library

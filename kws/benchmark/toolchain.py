"""The programs of export/, built by CMake where a benchmark needs them."""

import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from kws.utils.errors import KwsError
from kws.utils.files import cache_folder, replacing

CHECKOUT = Path(__file__).parents[2]


def build(folder: str, targets: list[str], *options: str) -> Path:
    """Configure build/``folder`` of the checkout with CMake's options and build the targets there.

    Returns the folder. Raises KwsError without a checkout or CMake, or with the compiler's last
    line if it fails.
    """
    if not (CHECKOUT / "export").is_dir():
        raise KwsError("the C sources are not here; run this in a checkout of kws")
    require_program("cmake", "cmake")
    there = CHECKOUT / "build" / folder
    command = ["cmake", "-S", str(CHECKOUT), "-B", str(there), *options]
    _run(command, "cannot configure the C sources")
    _run(["cmake", "--build", str(there), "--target", *targets], "cannot build the C sources")
    return there


def require_program(program: str, package: str) -> None:
    """Raise KwsError, which says how to get it, if a program is missing."""
    if shutil.which(program) is None:
        raise KwsError(f"no {program} here; on Debian: apt-get install {package}")


def _run(command: list[str], failure: str) -> None:
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode != 0:
        lines = [line for line in run.stderr.splitlines() if line.strip()]
        raise KwsError(f"{failure}: {lines[-1].strip() if lines else run.returncode}")


SYSROOT = Path("/usr/aarch64-linux-gnu")
TOOLCHAIN = CHECKOUT / "export" / "toolchains" / "aarch64-linux-gnu.cmake"


@dataclass(frozen=True)
class Aarch64:
    """emulator: qemu-aarch64; plugin: what counts in it; program: invoke_tflite of export/qemu;
    operators: libkws_ops.so; tflite: libtensorflowlite_c.so, these three for aarch64."""

    emulator: Path
    plugin: Path
    program: Path
    operators: Path
    tflite: Path

    def invoke(self, cpu: str, *arguments, count: bool = False) -> str:
        """Run invoke_tflite on a processor; what it writes to standard error.

        arguments: those behind its libraries.
        cpu: as ``qemu-aarch64 -cpu help`` lists them; it decides which kernels XNNPACK picks.
        count: end with a line of the instructions executed. Raises KwsError if it fails.
        """
        counting = ["-plugin", self.plugin] if count else []
        emulated = [self.emulator, "-cpu", cpu, "-L", SYSROOT, *counting]
        command = [*emulated, self.program, self.tflite, self.operators, *arguments]
        run = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        if run.returncode != 0:
            lines = [line for line in run.stderr.splitlines() if line.startswith("ERROR")]
            why = lines[-1] if lines else _ending(run.returncode)
            raise KwsError(f"TFLite under QEMU's {cpu}: {why}")
        return run.stderr


def _ending(code: int) -> str:
    """How a program ended; QEMU dies of the signal that the program in it died of."""
    return f"crashed ({signal.Signals(-code).name})" if code < 0 else f"ended with code {code}"


def prepare(tflite: Path | None = None) -> Aarch64:
    """Build and fetch what is missing, into build/ of the checkout and the user's cache.

    tflite: as ``given`` of tflite_library. Raises KwsError in one line if something is missing,
    and says how to get it.
    """
    require_program("qemu-aarch64", "qemu-user")
    library = tflite_library("aarch64", tflite)
    plugin = build("host", ["count_instructions"]) / "libcount_instructions.so"
    there = build_for_aarch64(["invoke_tflite", "kws_ops"])
    return Aarch64(
        emulator=Path(shutil.which("qemu-aarch64")),
        plugin=plugin,
        program=there / "invoke_tflite",
        operators=there / "libkws_ops.so",
        tflite=library,
    )


def build_for_aarch64(targets: list[str]) -> Path:
    """Cross-build programs of export/ with Debian's compiler; the folder they are in."""
    require_program("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu")
    return build("aarch64", targets, "--toolchain", str(TOOLCHAIN))


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

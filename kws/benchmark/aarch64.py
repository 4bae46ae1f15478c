"""What it takes to run models as on ARM: programs for it, QEMU, and the TFLite C library."""

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from kws.corpus.clips import cache_folder
from kws.errors import KwsError
from kws.files import replacing

CHECKOUT = Path(__file__).parents[2]
SYSROOT = Path("/usr/aarch64-linux-gnu")
TOOLCHAIN = "export/toolchains/aarch64-linux-gnu.cmake"

# Who else ships TFLite's C library with XNNPACK in it (2.17.1, Apache-2.0).
PACKAGE, PLATFORM = "pymicro-wakeword==2.5.0", "manylinux_2_35_aarch64"
MEMBER = "pymicro_wakeword/lib/libtensorflowlite_c.so"


@dataclass(frozen=True)
class Aarch64:
    """emulator: qemu-aarch64; plugin: what counts in it; program: invoke_tflite of export/qemu;
    operators: libkws_ops.so; tflite: libtensorflowlite_c.so, these three for aarch64."""

    emulator: Path
    plugin: Path
    program: Path
    operators: Path
    tflite: Path

    def invoke(self, cpu: str, model: Path, *arguments, count: bool = False) -> str:
        """Run invoke_tflite on a processor; what it writes to standard error.

        cpu: as ``qemu-aarch64 -cpu help`` lists them; it decides which kernels XNNPACK picks.
        count: end with a line of the instructions executed. Raises KwsError if it fails.
        """
        counting = ["-plugin", self.plugin] if count else []
        emulated = [self.emulator, "-cpu", cpu, "-L", SYSROOT, *counting]
        command = [*emulated, self.program, self.tflite, self.operators, model, *arguments]
        run = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        if run.returncode != 0:
            last = run.stderr.strip().rpartition("\n")[2]
            raise KwsError(f"{model.name} failed under QEMU: {last or run.returncode}")
        return run.stderr


def prepare(tflite: Path | None = None) -> Aarch64:
    """Build and fetch what is missing, into build/ of the checkout and the user's cache.

    tflite: libtensorflowlite_c.so for aarch64; if None, what the environment's KWS_TFLITE_LIB
    names, else that of a wheel, fetched by pip. Raises KwsError in one line if something is
    missing and says how to get it.
    """
    for program, package in (
        ("qemu-aarch64", "qemu-user"),
        ("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"),
        ("cmake", "cmake"),
    ):
        if shutil.which(program) is None:
            raise KwsError(f"no {program} here; on Debian: apt-get install {package}")
    library = _tflite(tflite)
    here, there = CHECKOUT / "build", CHECKOUT / "build" / "aarch64"
    _build(here, ["count_instructions"])
    _build(there, ["invoke_tflite", "kws_ops"], ["--toolchain", str(CHECKOUT / TOOLCHAIN)])
    return Aarch64(
        emulator=Path(shutil.which("qemu-aarch64")),
        plugin=here / "libcount_instructions.so",
        program=there / "invoke_tflite",
        operators=there / "libkws_ops.so",
        tflite=library,
    )


def _tflite(given: Path | None) -> Path:
    if given is None and os.environ.get("KWS_TFLITE_LIB"):
        given = Path(os.environ["KWS_TFLITE_LIB"])
    if given is None:
        return _fetched(cache_folder() / "aarch64" / Path(MEMBER).name)
    if not given.is_file():
        raise KwsError(f"{given}: is not there; give libtensorflowlite_c.so for aarch64", 2)
    return given.absolute()


def _fetched(library: Path) -> Path:
    if library.is_file():
        return library
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    with tempfile.TemporaryDirectory() as folder:
        _run([*pip, "--platform", PLATFORM, "--dest", folder, PACKAGE], f"cannot fetch {PACKAGE}")
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive, replacing(library) as temporary:
            temporary.write_bytes(archive.read(MEMBER))
    return library


def _build(folder: Path, targets: list[str], options: list[str] | None = None) -> None:
    if not (CHECKOUT / TOOLCHAIN).is_file():
        raise KwsError("the C sources are not here; run this in a checkout of kws")
    configure = ["cmake", "-S", str(CHECKOUT), "-B", str(folder), *(options or [])]
    _run(configure, "cannot configure the C sources")
    _run(["cmake", "--build", str(folder), "--target", *targets], "cannot build the C sources")


def _run(command: list[str], failure: str) -> None:
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode != 0:
        lines = [line for line in run.stderr.splitlines() if line.strip()]
        raise KwsError(f"{failure}: {lines[-1].strip() if lines else run.returncode}")

"""What it takes to run models as on ARM: programs for it, QEMU, and the TFLite C library."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from kws.benchmark.tflite_library import tflite_library
from kws.errors import KwsError

CHECKOUT = Path(__file__).parents[2]
SYSROOT = Path("/usr/aarch64-linux-gnu")
TOOLCHAIN = "export/toolchains/aarch64-linux-gnu.cmake"


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

    tflite: as ``given`` of tflite_library. Raises KwsError in one line if something is missing,
    and says how to get it.
    """
    for program, package in (
        ("qemu-aarch64", "qemu-user"),
        ("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"),
        ("cmake", "cmake"),
    ):
        if shutil.which(program) is None:
            raise KwsError(f"no {program} here; on Debian: apt-get install {package}")
    library = tflite_library("aarch64", tflite)
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

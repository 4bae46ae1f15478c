"""What it takes to run models as on ARM: programs for it, QEMU, and the TFLite C library."""

import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from kws.benchmark.building import CHECKOUT, build, require_program
from kws.benchmark.tflite_library import tflite_library
from kws.errors import KwsError

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

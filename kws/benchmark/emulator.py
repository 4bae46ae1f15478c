"""TFLite for ARM under qemu-aarch64, and the instructions that it executes there.

QEMU's own speed says nothing about a processor, but its plug-in interface counts what a program
executes, and the count is the same in every run.
"""

import signal
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kws.benchmark.tflite_library import tflite_library
from kws.benchmark.toolchain import build, build_for_aarch64, require_program
from kws.utils.errors import KwsError

SYSROOT = Path("/usr/aarch64-linux-gnu")


@dataclass(frozen=True)
class Emulator:
    """invoke_tflite of export/qemu under QEMU.

    plugin: counts instructions in QEMU. program: invoke_tflite. operators: libkws_ops.so. tflite:
    libtensorflowlite_c.so. The last three are for aarch64.
    """

    plugin: Path
    program: Path
    operators: Path
    tflite: Path

    def invoke(self, cpu: str, *arguments, count: bool = False) -> str:
        """Run invoke_tflite; returns what it writes to standard error.

        cpu: a name of ``qemu-aarch64 -cpu help``; XNNPACK picks its kernels by it. arguments: what
        follows the libraries. count: count instructions. Raises KwsError if it fails.
        """
        counting = ["-plugin", self.plugin] if count else []
        emulated = ["qemu-aarch64", "-cpu", cpu, "-L", SYSROOT, *counting]
        command = [*emulated, self.program, self.tflite, self.operators, *arguments]
        run = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        if run.returncode != 0:
            lines = [line for line in run.stderr.splitlines() if line.startswith("ERROR")]
            why = lines[-1] if lines else _ending(run.returncode)
            raise KwsError(f"TFLite under QEMU's {cpu}: {why}")
        return run.stderr

    def instructions(self, cpu: str, models: Sequence[bytes]) -> list[int]:
        """Instructions of one inference of each model, after a few that are not counted.

        Raises KwsError if a model cannot be run.
        """
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder) / f"{number}.tflite" for number in range(len(models))]
            for file, contents in zip(files, models, strict=True):
                file.write_bytes(contents)
            lines = self.invoke(cpu, "count", *files, count=True).splitlines()
        counts = [int(line.split()[1]) for line in lines if line.startswith("marked: ")]
        if len(counts) != len(models):
            raise KwsError("this qemu-aarch64 loads no plug-ins; take Debian's qemu-user")
        return counts


def prepare(tflite: Path | None = None) -> Emulator:
    """Build and fetch what is missing, into build/ of the checkout and the user's cache.

    tflite: as ``given`` of tflite_library. Raises KwsError in one line if something is missing;
    the line says how to get it.
    """
    require_program("qemu-aarch64", "qemu-user")
    library = tflite_library("aarch64", tflite)
    plugin = build("host", ["count_instructions"]) / "libcount_instructions.so"
    there = build_for_aarch64(["invoke_tflite", "kws_ops"])
    return Emulator(plugin, there / "invoke_tflite", there / "libkws_ops.so", library)


def _ending(code: int) -> str:
    """How a program ended; QEMU dies of the signal that the program in it died of."""
    return f"crashed ({signal.Signals(-code).name})" if code < 0 else f"ended with code {code}"

"""This machine."""

import platform
import subprocess
from pathlib import Path

from kws.benchmark.targets.timed import REPEATS, Timed, parse_report
from kws.benchmark.tflite_library import tflite_library
from kws.benchmark.toolchain import build
from kws.utils.errors import KwsError


class Host(Timed):
    """kws_runner, built for this machine."""

    def __init__(self, **options):
        super().__init__("host", **options)

    def __enter__(self) -> "Host":
        self._library = tflite_library(platform.machine(), self.tflite)
        self._folder = build("host", ["kws_runner", "invoke_tflite", "kws_ops"])
        return self

    def __exit__(self, *exception) -> None:
        pass

    def run(self, model: Path, arguments: list[str]) -> dict:
        command = [self._folder / "kws_runner", model, "--tflite-lib", self._library, *arguments]
        return parse_report(self._output(command), model, "this machine")

    def latency(self, model: Path) -> float | None:
        libraries = (self._library, self._folder / "libkws_ops.so")
        pinned = [] if self.cpu is None else ["taskset", "--cpu-list", str(self.cpu)]
        program = self._folder / "invoke_tflite"
        return float(self._output([*pinned, program, *libraries, "time", REPEATS, model]))

    def _output(self, command: list) -> str:
        run = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        if run.returncode != 0:
            raise KwsError(last_line(run.stderr) or f"{command[0].name} ended: {run.returncode}")
        return run.stdout

    def shell(self, script: str) -> str:
        return subprocess.run(["sh", "-c", script], capture_output=True, text=True).stdout


def last_line(text: str) -> str:
    """The last line that a program wrote: its error."""
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip().removeprefix("kws_runner: ") if lines else ""

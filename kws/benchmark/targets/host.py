"""This machine."""

import platform
import subprocess
from pathlib import Path

from kws.benchmark.building import build
from kws.benchmark.targets.timed import Timed, parse_report
from kws.benchmark.tflite_library import tflite_library
from kws.errors import KwsError


class Host(Timed):
    """kws_runner, built for this machine."""

    def __init__(self, tflite: Path | None = None, **options):
        super().__init__("host", **options)
        self._tflite = tflite

    def __enter__(self) -> "Host":
        self._library = tflite_library(platform.machine(), self._tflite)
        self._runner = build("host", ["kws_runner"]) / "kws_runner"
        return self

    def __exit__(self, *exception) -> None:
        pass

    def run(self, model: Path, arguments: list[str]) -> dict:
        command = [self._runner, model, "--tflite-lib", self._library, *arguments]
        run = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        if run.returncode != 0:
            raise KwsError(last_line(run.stderr) or f"kws_runner ended with {run.returncode}")
        return parse_report(run.stdout, model, "this machine")

    def shell(self, script: str) -> str:
        return subprocess.run(["sh", "-c", script], capture_output=True, text=True).stdout


def last_line(text: str) -> str:
    """What a program said at last: its error."""
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip().removeprefix("kws_runner: ") if lines else ""

"""A machine that runs kws_runner; times are measured there."""

import json
import statistics
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from operator import itemgetter
from pathlib import Path

from kws.benchmark.model_files import ModelFile
from kws.utils.errors import KwsError

REPEATS = 500

METHOD = (
    "Times: kws_runner (export/runner, TFLite's C API with XNNPACK and our op) runs every model in "
    f"turn, several rounds of it; a round is {REPEATS} steps on faint noise after a warm-up. A "
    "latency is that of one inference on the wall clock: the median over the rounds of their "
    "medians; the spread is from the least of these to the greatest. Memory is by how much the "
    "process grew at its peak from before the model was loaded, TFLite's own working memory "
    "included. An op's time is from the end of the one before it. It is measured in an interpreter "
    "of its own, where the clock is read after each op; what that costs, measured with an op that "
    "does nothing, is subtracted. The ops' sum is a share of the latency, which is measured "
    "without. CPU time per second of audio includes the front end and the decision. Of other "
    "projects' networks only the inferences are timed, in the same library with XNNPACK."
)

# The same in every report on a model.
_OF_ALL_ROUNDS = ("xnnpack_ops", "model_ops", "threads", "machine", "cpu_features", "versions")

# Frequencies and temperatures, as Linux and Android show them; missing ones are left out.
_CONDITIONS = (
    "grep -s . /sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_cur_freq"
    " /sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_max_freq"
    " /sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor"
    " /sys/class/thermal/thermal_zone*/type /sys/class/thermal/thermal_zone*/temp"
    "; grep . /proc/loadavg"
)


class Timed(ABC):
    """A machine to be entered before it is used, and left as it was found.

    threads: of the interpreter. cpu: the core to stay on. tflite: TFLite's C library for it.
    """

    method = METHOD

    def __init__(
        self, name: str, threads: int = 1, cpu: int | None = None, tflite: Path | None = None
    ):
        self.name, self.threads, self.cpu, self.tflite = name, threads, cpu, tflite

    @abstractmethod
    def __enter__(self) -> "Timed": ...

    @abstractmethod
    def __exit__(self, *exception) -> None: ...

    @abstractmethod
    def run(self, model: Path, arguments: list[str]) -> dict:
        """kws_runner's report on a model. Raises KwsError in one line if there is none."""

    @abstractmethod
    def shell(self, script: str) -> str:
        """What a script writes to standard output there; a failing script is no error."""

    def latency(self, model: Path) -> float | None:
        """Microseconds of an inference of another project's model; None if it cannot be run."""
        return None

    def measure(self, models: Sequence[ModelFile], rounds: int) -> list[dict | str]:
        """A row for each model, in their order, or why one cannot be run.

        A row has medians over the rounds (``_summary``); one of another project's model has only
        ``{"latency_us", "latency_us_rounds"}``.
        """
        arguments = ["--no-audio", "--repeats", str(REPEATS), "--threads", str(self.threads)]
        if self.cpu is not None:
            arguments += ["--cpu", str(self.cpu)]
        reports: dict[ModelFile, list[dict]] = {model: [] for model in models}
        for number in range(rounds):
            for model in models:
                if model.ours:
                    reports[model].append(self.run(model.path, arguments))
                elif (latency := self.latency(model.path)) is not None:
                    reports[model].append({"latency_us": {"median": latency}})
            print(f"{self.name}: round {number + 1} of {rounds}")
        return [
            (_summary if model.ours else _latencies)(reports[model])
            if reports[model]
            else "kws_runner does not run other projects' models"
            for model in models
        ]

    def conditions(self) -> dict:
        """Frequency and governor of each core, temperature in °C of each zone, and the load."""
        lines = self.shell(_CONDITIONS).splitlines()
        found = dict(line.split(":", 1) for line in lines if line.startswith("/sys/"))
        cores: dict[str, dict] = {}
        for path, value in found.items():
            if "/cpufreq/" in path:
                core, field = path.split("/")[5], path.rpartition("scaling_")[2]
                cores.setdefault(core, {})[field] = int(value) if value.isdigit() else value
        zones = {
            f"{name} ({path.split('/')[4]})": int(found[path[:-4] + "temp"]) / 1000
            for path, name in found.items()
            if path.endswith("/type") and found.get(path[:-4] + "temp", "").lstrip("-").isdigit()
        }
        load = [float(line.split()[0]) for line in lines if line[:1].isdigit()]
        parts = {"cores_khz": cores, "celsius": zones, "load": load[0] if load else None}
        return {name: part for name, part in parts.items() if part not in ({}, None)}


def parse_report(text: str, model: Path, where: str) -> dict:
    """kws_runner's standard output. Raises KwsError if it is cut off."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise KwsError(f"{model.name}: kws_runner's report from {where} is not whole") from error


def _latencies(reports: list[dict]) -> dict:
    latencies = [report["latency_us"]["median"] for report in reports]
    return {"latency_us": statistics.median(latencies), "latency_us_rounds": latencies}


def _summary(reports: list[dict]) -> dict:
    """Several reports on one model as one: medians, each round's latency, and the last's ops."""

    def median(figure: Callable[[dict], float]) -> float:
        return statistics.median(map(figure, reports))

    def medians(*keys: str) -> dict[str, float]:
        return {key: median(itemgetter(key)) for key in keys}

    last = reports[-1]
    peak = median(lambda r: r["peak_resident_bytes"] - r["resident_before_model_bytes"])
    return {
        **_latencies(reports),
        "p90_us": median(lambda report: report["latency_us"]["p90"]),
        "p99_us": median(lambda report: report["latency_us"]["p99"]),
        **medians("first_inference_us", "load_ms", "cpu_per_audio_second"),
        "peak_bytes": round(peak),
        "arena_bytes": last["arena_bytes"],
        "ops": [op for op in last["ops"] if "us" in op],
        **medians("ops_us", "timed_us", "timing_an_op_us"),
        **{key: last[key] for key in _OF_ALL_ROUNDS},
    }

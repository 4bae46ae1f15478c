"""An hour of audio: detections of Python and of kws_runner, here and on ARM; see detections.md.

    python docs/results/detections.py DATA MODEL…

DATA is Speech Commands v0.02: its validation clips, each once, with pauses and noise between them.
Every MODEL runs in Python (LiteRT) and in kws_runner (TFLite C library) on this machine. Streaming
models also run in kws_runner for aarch64 under QEMU, where a model that takes windows would need an
hour.

A detection is reported at the step with the highest score. Scores of two steps may differ only in
their last bits, and these differ between processors, on which TFLite sums in different orders. If
the runner picks a step that has Python's highest score within TIE, the detections are tied.
"""

import json
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import soundfile

from kws import audio
from kws.benchmark.tflite_library import tflite_library
from kws.benchmark.toolchain import build, build_for_aarch64
from kws.datasets import clips
from kws.datasets.noise import Noise
from kws.evaluation.streams import join_clips
from kws.runtime.detector import Detector
from kws.runtime.model import Model
from kws.utils.files import write_text
from kws.utils.provenance import provenance

RESULTS = Path("docs/results/detections.json")
PAUSE, CPU = (1.0, 2.0), "cortex-a53"
EMULATOR = ["qemu-aarch64", "-cpu", CPU, "-L", "/usr/aarch64-linux-gnu"]
TIE, CLOSE = 1e-6, 0.1  # scores in [0, 1]; seconds


def recording(data: Path, path: Path) -> float:
    """Write the audio; returns its length in seconds."""
    validation = [clip for clip in clips.scan(data) if clip.split == "validation"]
    rng = np.random.default_rng(0)
    order = [validation[k] for k in rng.permutation(len(validation))]
    samples, _ = join_clips(order, Noise(data / "_background_noise_"), rng, PAUSE)
    soundfile.write(path, samples, audio.RATE, subtype="PCM_16")
    return len(samples) / audio.RATE


def in_python(model: Path, recorded: Path) -> tuple[list[dict], Callable[[float, str], float]]:
    """Detections, and a function of ``decided`` and a keyword to the keyword's score then."""
    detector, found = Detector(Model(model), trace=True), []
    for block in audio.blocks(recorded):
        found += detector.feed(block)
    found += detector.finish()
    scores = {round(time, 3): scores for time, scores in detector.trace}
    return [asdict(detection) for detection in found], lambda decided, keyword: float(
        scores[decided][detector.labels.index(keyword)]
    )


def in_runner(command: list, model: Path, recorded: Path, machine: str) -> dict:
    words = [*command, model, recorded, "--tflite-lib", tflite_library(machine)]
    run = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


def compare(expected: list[dict], found: list[dict], score: Callable[[float, str], float]) -> dict:
    """Detections of the same keyword at the same step or at tied steps, and their differences."""
    same, tied = [], []
    for a, b in zip(expected, found, strict=False):
        if a["keyword"] != b["keyword"] or abs(a["decided"] - b["decided"]) > CLOSE:
            continue
        here, there = (score(step["decided"], a["keyword"]) for step in (a, b))
        if a["decided"] == b["decided"]:
            same.append((a, b))
        elif abs(here - there) <= TIE:
            tied.append({"python": a | {"score": here}, "runner": b | {"pythons_score": there}})
    return {
        "python": len(expected),
        "runner": len(found),
        "same": len(same),
        "tied": tied,
        "largest_difference_of_score": max(
            (abs(a["score"] - b["score"]) for a, b in same), default=0
        ),
        "largest_difference_of_time": max((abs(a["time"] - b["time"]) for a, b in same), default=0),
    }


def main(data: Path, models: list[Path]) -> None:
    here = build("host", ["kws_runner"]) / "kws_runner"
    there = build_for_aarch64(["kws_runner"]) / "kws_runner"
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        recorded = Path(folder) / "hour.wav"
        seconds = recording(data, recorded)
        for model in models:
            expected, score = in_python(model, recorded)
            targets = [(platform.machine(), [here])]
            if Model(model).step:
                targets.append(("aarch64", [*EMULATOR, there]))
            for machine, command in targets:
                report = in_runner(command, model, recorded, machine)
                row = {"model": str(model), "target": machine}
                row |= compare(expected, report["detections"], score)
                if machine == platform.machine():
                    row["cpu_per_audio_second"] = report["cpu_per_audio_second"]
                rows.append(row)
                print(row)
    command = f"python docs/results/detections.py DATA {' '.join(map(str, models))}"
    made_by = provenance() | {"command": command}
    result = {"made_by": made_by, "seconds": seconds, "qemu_cpu": CPU, "rows": rows}
    write_text(RESULTS, json.dumps(result, indent=1) + "\n")
    write_text(RESULTS.with_suffix(".md"), table(result))


def table(result: dict) -> str:
    lines = [
        "| model | runner on | Python's detections | the runner's | the same | tied "
        "| score differs by | time by |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row in result["rows"]:
        lines.append(
            f"| {row['model']} | {row['target']} | {row['python']} | {row['runner']} | "
            f"{row['same']} | {len(row['tied'])} | {row['largest_difference_of_score']:.4f} | "
            f"{1000 * row['largest_difference_of_time']:.0f} ms |"
        )
    lines += ["", *(_describe(tie) for row in result["rows"] for tie in row["tied"])]
    made = ", ".join(f"{key} {value}" for key, value in result["made_by"].items())
    return (
        "# The runner's detections against Python's\n\n"
        f"{result['seconds']:.0f} seconds of audio: the validation clips of Speech Commands, each "
        f"once, with pauses of {PAUSE[0]:g} to {PAUSE[1]:g} seconds over recorded noise at 20 dB; "
        f"made by `python docs/results/detections.py DATA MODEL…`. The same are detections of the "
        "same keyword at the same step; between these, the largest differences of score, to its "
        "four places, and of time. Tied are those at a step to which Python gives its highest "
        f"score too, within {TIE:g}: a score's last bits differ between processors, since TFLite "
        f"sums in another order on each. aarch64 is QEMU's {result['qemu_cpu']}.\n\n{made}.\n\n"
        + "\n".join(lines)
        + "\n"
    )


def _describe(tie: dict) -> str:
    ours, theirs = tie["python"], tie["runner"]
    return (
        f"Tied: {ours['keyword']} at {ours['time']} s. Python reports the step at "
        f"{ours['decided']} s, score {ours['score']:.9f}, the runner the one at "
        f"{theirs['decided']} s, where Python's score is {theirs['pythons_score']:.9f}."
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), list(map(Path, sys.argv[2:])))

"""An hour of audio through Python's detector and kws_runner, here and on ARM; see detections.md.

    python docs/results/detections.py DATA MODEL…

DATA is Speech Commands v0.02: its validation clips, each once, with pauses and noise between them.
Every MODEL runs in Python (LiteRT) and in kws_runner (TFLite C library) on this machine; those that
stream, also in kws_runner for aarch64 under QEMU, where one that takes windows would need an hour.
"""

import json
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from kws import audio
from kws.benchmark.building import build
from kws.benchmark.tflite_library import tflite_library
from kws.corpus import clips
from kws.corpus.joined import join
from kws.corpus.noise import Noise
from kws.detector import Detection, Detector
from kws.files import write_text
from kws.provenance import provenance
from kws.runtime import Model

RESULTS = Path("docs/results/detections.json")
PAUSE, CPU = (1.0, 2.0), "cortex-a53"
EMULATOR = ["qemu-aarch64", "-cpu", CPU, "-L", "/usr/aarch64-linux-gnu"]
TOOLCHAIN = Path("export/toolchains/aarch64-linux-gnu.cmake").absolute()


def recording(data: Path, path: Path) -> float:
    """Write the audio; its length in seconds."""
    validation = [clip for clip in clips.scan(data) if clip.split == "validation"]
    rng = np.random.default_rng(0)
    order = [validation[k] for k in rng.permutation(len(validation))]
    samples, _ = join(order, Noise(data / "_background_noise_"), rng, PAUSE)
    soundfile.write(path, samples, audio.RATE, subtype="PCM_16")
    return len(samples) / audio.RATE


def in_python(model: Path, recorded: Path) -> list[Detection]:
    detector, found = Detector(Model(model)), []
    for block in audio.blocks(recorded):
        found += detector.feed(block)
    return found + detector.finish()


def in_runner(command: list, model: Path, recorded: Path, machine: str) -> dict:
    words = [*command, model, recorded, "--tflite-lib", tflite_library(machine)]
    run = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


def compare(expected: list[Detection], found: list[dict]) -> dict:
    """The same keywords at the same looks, and how much else differs."""
    pairs = list(zip(expected, found, strict=False))
    same = [(a, b) for a, b in pairs if (a.keyword, a.decided) == (b["keyword"], b["decided"])]
    return {
        "python": len(expected),
        "runner": len(found),
        "same": len(same),
        "largest_difference_of_score": max((abs(a.score - b["score"]) for a, b in same), default=0),
        "largest_difference_of_time": max((abs(a.time - b["time"]) for a, b in same), default=0),
    }


def main(data: Path, models: list[Path]) -> None:
    here = build("host", ["kws_runner"]) / "kws_runner"
    there = build("aarch64", ["kws_runner"], "--toolchain", str(TOOLCHAIN)) / "kws_runner"
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        recorded = Path(folder) / "hour.wav"
        seconds = recording(data, recorded)
        for model in models:
            expected = in_python(model, recorded)
            targets = [(platform.machine(), [here])]
            if Model(model).step:
                targets.append(("aarch64", [*EMULATOR, there]))
            for machine, command in targets:
                report = in_runner(command, model, recorded, machine)
                row = {"model": str(model), "target": machine}
                row |= compare(expected, report["detections"])
                if machine == platform.machine():
                    row["cpu_per_audio_second"] = report["cpu_per_audio_second"]
                rows.append(row)
                print(row)
    result = {"made_by": provenance(), "seconds": seconds, "qemu_cpu": CPU, "rows": rows}
    write_text(RESULTS, json.dumps(result, indent=1) + "\n")
    write_text(RESULTS.with_suffix(".md"), table(result))


def table(result: dict) -> str:
    lines = [
        "| model | runner on | Python's detections | the runner's | the same | score differs by "
        "| time by |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for row in result["rows"]:
        lines.append(
            f"| {row['model']} | {row['target']} | {row['python']} | {row['runner']} | "
            f"{row['same']} | {row['largest_difference_of_score']:.4f} | "
            f"{1000 * row['largest_difference_of_time']:.0f} ms |"
        )
    made = ", ".join(f"{key} {value}" for key, value in result["made_by"].items())
    return (
        "# The runner's detections against Python's\n\n"
        f"{result['seconds']:.0f} seconds of audio: the validation clips of Speech Commands, each "
        f"once, with pauses of {PAUSE[0]:g} to {PAUSE[1]:g} seconds over recorded noise at 20 dB; "
        f"made by `python docs/results/detections.py DATA MODEL…`. The same are detections of the "
        "same keyword at the same look; between these, the largest differences of score and "
        f"time. aarch64 is QEMU's {result['qemu_cpu']}.\n\n{made}.\n\n" + "\n".join(lines) + "\n"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), list(map(Path, sys.argv[2:])))

"""Every lowering of models/words-12 against Keras, on the validation clips; see lowerings.md.

    python docs/results/lowerings.py DATA

DATA is Speech Commands v0.02. The clips run through LiteRT on this machine, and through the TFLite
C library for aarch64 under QEMU, with our op library for aarch64 and XNNPACK. Under QEMU, builtin
and int8 run every tenth clip only: the FFTs of builtin are slow.
"""

import itertools
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

from kws import audio, pipeline, recipe
from kws.benchmark import emulator
from kws.runtime.model import Model
from kws.utils.console import load_keras
from kws.utils.files import write_text
from kws.utils.provenance import provenance

RUN, RESULTS = Path("models/words-12"), Path("docs/results/lowerings.json")
LOWERINGS = ("custom", "builtin", "dense")
QUANTIZATIONS = ("none", "float16", "dynamic", "int8")
CPU = "cortex-a53"
ON_ARM = (  # lowering, quantization, and n: every n-th clip is run
    ("custom", "none", 1),
    ("dense", "none", 1),
    ("builtin", "none", 10),
    ("custom", "int8", 10),
    ("dense", "int8", 10),
)


def validation(data: Path) -> tuple[np.ndarray, np.ndarray]:
    """Features (clips, frames, bands) and labels of the recipe's validation clips."""
    from kws.training.dataset import load_corpus

    plan, _ = recipe.load(RUN)
    clips = load_corpus(plan, data).validation
    features = [plan.frontend.features(samples) for samples in audio.from_int16(clips.samples)]
    return np.stack(features).astype(np.float32), np.asarray(clips.labels)


def row(file: Path, scores: np.ndarray, expected: np.ndarray, truth: np.ndarray) -> dict:
    decided, wanted = scores.argmax(1), expected.argmax(1)
    return {
        "file": file.stem,
        "bytes": file.stat().st_size,
        "clips": len(truth),
        "accuracy": float(np.mean(decided == truth)),
        "keras_accuracy": float(np.mean(wanted == truth)),
        "same_top": float(np.mean(decided == wanted)),
        "other_top_clips": int(np.sum(decided != wanted)),
        "max_difference": float(np.abs(scores - expected).max()),
    }


def on_arm(arm: emulator.Emulator, file: Path, features: np.ndarray) -> np.ndarray:
    inputs, outputs = file.with_suffix(".inputs"), file.with_suffix(".outputs")
    inputs.write_bytes(features.tobytes())
    arm.invoke(CPU, file, inputs, outputs)
    return np.fromfile(outputs, np.float32).reshape(len(features), -1)


def write(rows: dict[str, list[dict]]) -> None:
    made = provenance()
    made["command"] = "python docs/results/lowerings.py DATA"
    write_text(RESULTS, json.dumps({"made_by": made, **rows}, indent=1) + "\n")
    lines = ["# Every lowering of words-12 against Keras", ""]
    lines += [
        "Made by `python docs/results/lowerings.py DATA` on the recipe's validation clips of",
        "Speech Commands v0.02, all or every tenth. Bytes are the file's, labels and recipe",
        "included; the difference is that of scores, which sum to 1.",
    ]
    titles = {
        "x86-64": "LiteRT on x86-64",
        "aarch64": "TFLite 2.17.1 (C library, XNNPACK) and our op library for aarch64, "
        f"under qemu-aarch64 -cpu {CPU}",
    }
    for key, part in rows.items():
        lines += ["", f"## {titles[key]}", ""]
        lines += ["| file | bytes | clips | accuracy | Keras | same class | max difference |"]
        lines += ["|---|" + "---:|" * 6]
        lines += [
            f"| {r['file']} | {r['bytes']:,} | {r['clips']:,} | {r['accuracy']:.2%} | "
            f"{r['keras_accuracy']:.2%} | {r['same_top']:.2%} | {r['max_difference']:.1e} |"
            for r in part
        ]
    write_text(RESULTS.with_suffix(".md"), "\n".join(lines) + "\n")


def main() -> None:
    data = Path(sys.argv[1])
    load_keras()
    from kws.training.run_folder import load_network

    features, truth = validation(data)
    expected = load_network(RUN).predict(features, verbose=0)
    rows: dict[str, list[dict]] = {"x86-64": []}
    with tempfile.TemporaryDirectory() as folder:

        def name(lowering: str, quantize: str) -> Path:
            return Path(folder) / f"{lowering}-{quantize}.tflite"

        for lowering, quantize in itertools.product(LOWERINGS, QUANTIZATIONS):
            file = name(lowering, quantize)
            pipeline.export(RUN, file, lowering=lowering, quantize=quantize, data=data)
            rows["x86-64"].append(row(file, Model(file)(features), expected, truth))
            print(rows["x86-64"][-1], flush=True)
        write(rows)
        arm = emulator.prepare()
        rows["aarch64"] = []
        for lowering, quantize, every in ON_ARM:
            file = name(lowering, quantize)
            scores = on_arm(arm, file, features[::every])
            rows["aarch64"].append(row(file, scores, expected[::every], truth[::every]))
            print(rows["aarch64"][-1], flush=True)
            write(rows)


if __name__ == "__main__":
    main()

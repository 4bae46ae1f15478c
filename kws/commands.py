"""What each command does; ``kws.cli`` reads the command line for them.

A command imports what it needs when it runs, so that ``kws --help`` is there at once.
"""

import json
import sys
from pathlib import Path

from kws.errors import KwsError


def train(options) -> None:
    from kws.pipeline import train_and_show

    run = options.run or Path("runs") / _recipe_name(options.recipe)
    result = train_and_show(options.recipe, run, options.data, options.noise, options.fresh)
    print(json.dumps(result["summary"]) if options.json else result["text"])


def export(options) -> None:
    from kws.pipeline import export

    quantized = "" if options.quantize == "none" else f"-{options.quantize}"
    out = options.out or options.run / f"{options.lowering}{quantized}.tflite"
    size, choices = export(
        options.run,
        out,
        options.lowering,
        options.quantize,
        options.target,
        options.limit,
        options.data,
        options.force,
    )
    if options.lowering == "auto":
        for choice in choices:
            print(f"{choice.layer}: {choice.lowering}, {choice.why}")
    print(f"{out}: {size:,} bytes")


def inspect(options) -> None:
    from dataclasses import asdict

    from kws.inspect_model import inspect
    from kws.model_file import read
    from kws.report import table

    data, metadata = read(options.model)
    layers = inspect(data)
    if options.json:
        print(json.dumps({"metadata": metadata, "layers": [asdict(layer) for layer in layers]}))
        return
    print(f"{options.model}: {len(data):,} bytes, labels {' '.join(metadata['labels'])}\n")
    total = ["parameters", "bytes", "macs", "ffts", "dense_parameters", "dense_bytes", "dense_macs"]
    rows = [
        [
            layer.kind,
            layer.n or "",
            layer.rank or "",
            *(f"{getattr(layer, key):,}" for key in total),
        ]
        for layer in layers
    ]
    sums = [f"{sum(getattr(layer, key) for layer in layers):,}" for key in total]
    names = [key.replace("_", " ").replace("macs", "MACs").replace("ffts", "FFTs") for key in total]
    print(table(["layer", "n", "rank", *names], [*rows, ["total", "", "", *sums]]))


def evaluate(options) -> None:
    from kws.evaluation import evaluate
    from kws.files import write_text
    from kws.provenance import provenance
    from kws.report import confusion_picture, table
    from kws.runtime import Model

    _refuse_overwriting(options.json, options.force)
    _refuse_overwriting(options.picture, options.force)
    model = Model(options.model)
    with _progress("clips") as progress:
        result = evaluate(model, options.folder, options.split, progress)
    result["model"] = {"file": options.model.name, "file_bytes": options.model.stat().st_size}
    rows = [
        [name, c["clips"], _percent(c["recall"]), _percent(c["precision"])]
        for name, c in result["per_class"].items()
        if c["clips"]
    ]
    print(table(["class", "clips", "recall", "precision"], rows))
    print(f"\naccuracy {result['accuracy']:.2%} of {result['clips']} clips")
    if options.json:
        report = {**result, "split": options.split, "made_by": provenance()}
        write_text(options.json, json.dumps(report, indent=1) + "\n")
    if options.picture:
        confusion_picture(result, options.picture, f"{options.model.name}: confusion")


def detect(options) -> None:
    import numpy as np

    from kws import audio
    from kws.detector import Detector
    from kws.report import detection_picture
    from kws.runtime import Model

    if options.picture and len(options.files) > 1:
        raise KwsError("--picture draws one file; give one", 2)
    _refuse_overwriting(options.picture, options.force)
    model = Model(options.model)
    for path in options.files:
        if note := audio.describe(path):
            print(f"kws: {note}", file=sys.stderr)
        detector = Detector(model, options.threshold, trace=bool(options.picture))
        found = []
        for block in audio.blocks(path):
            found += _print_detections(detector.feed(block), path, options)
        found += _print_detections(detector.finish(), path, options)
        if options.picture:
            features = model.frontend.features(np.concatenate(list(audio.blocks(path))))
            hop = model.frontend.hop_ms / 1000
            detection_picture(features, hop, detector.trace, model.labels, found, options.picture)


def _print_detections(detections, path: Path, options) -> list:
    for d in detections:
        if options.json:
            line = {"file": str(path), "time": d.time, "keyword": d.keyword}
            print(json.dumps({**line, "score": d.score, "decided": d.decided}))
        else:
            name = f"{path}  " if len(options.files) > 1 else ""
            print(f"{name}{d.time:9.2f} s  {d.keyword:<12} {d.score:.2f}")
    return detections


def listen(options) -> None:
    from kws import audio
    from kws.detector import Detector
    from kws.listening import listen
    from kws.runtime import Model

    detector = Detector(Model(options.model), options.threshold)
    source = (
        audio.raw_blocks() if options.source == "-" else audio.microphone(device=options.device)
    )
    listen(detector, source, as_json=options.json)


def compress(options) -> None:
    from kws.files import write_text
    from kws.provenance import provenance
    from kws.quiet import load_keras

    out = options.out or options.model.with_name(f"{options.model.stem}.compressed.keras")
    _refuse_overwriting(out, options.force)
    _refuse_overwriting(options.json, options.force)
    load_keras()
    from kws.compress_run import compress_run

    figures = compress_run(
        options.model,
        out,
        options.rank,
        options.budget,
        options.data,
        options.noise,
        options.epochs,
    )
    print(out)
    if options.json:
        report = {**figures, "made_by": provenance()}
        write_text(options.json, json.dumps(report, indent=1) + "\n")


def bench_layers(options) -> None:
    from kws.quiet import load_keras

    _refuse_overwriting(options.json, options.force)
    load_keras()
    from kws.benchmark.layers import bench_layers

    bench_layers(options.json, quick=options.quick, full=options.full)


def bench_ops(options) -> None:
    from kws.benchmark import aarch64
    from kws.benchmark.costs import save_costs
    from kws.benchmark.instructions import bench_instructions
    from kws.benchmark.ops import bench_ops
    from kws.quiet import load_keras

    _refuse_overwriting(options.json, options.force)
    if options.tflite_lib and options.target == "x86":
        raise KwsError("--tflite-lib is for --target cortex-a53 or cortex-a76", 2)
    load_keras()
    if options.target == "x86":
        rows, unit = bench_ops(options.json, quick=options.quick)["rows"], "µs"
    else:
        machine = aarch64.prepare(options.tflite_lib)
        counted = bench_instructions(options.json, options.target, machine, quick=options.quick)
        rows, unit = counted["rows"], "instructions"
    if options.save_costs:
        save_costs(rows, options.target, unit)


def synthesize(options) -> None:
    from kws.corpus import quickstart
    from kws.corpus.synthesis import synthesize

    if options.quickstart == bool(options.words):
        raise KwsError("say which words to synthesise, or --quickstart for the bundled set's", 2)
    with _progress("clips") as progress:
        if options.quickstart:
            quickstart.make(options.out, progress)
            return
        synthesize(
            options.words,
            options.count,
            options.out,
            engine=options.engine,
            seed=options.seed,
            progress=progress,
        )


def voices(options) -> None:
    from kws.corpus import voices

    print(voices.fetch())


def fetch(options) -> None:
    from kws.corpus.fetch import fetch

    with _progress("bytes") as progress:
        print(fetch(options.card, options.out, progress))


def _recipe_name(recipe: Path) -> str:
    path = recipe.resolve()
    return path.parent.name if path.name == "recipe.toml" else path.stem


def _refuse_overwriting(path: Path | None, force: bool) -> None:
    if path and path.exists() and not force:
        raise KwsError(f"{path}: is there already; --force replaces it", 2)


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _progress(unit: str):
    from kws.progress import Progress

    return Progress(unit)

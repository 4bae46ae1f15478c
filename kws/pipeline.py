"""Where the stages meet: a recipe becomes measured .tflite files. ``make train`` runs this."""

import json
from pathlib import Path

from kws import recipe
from kws.evaluation.accuracy import evaluate_clips
from kws.labels import label_names
from kws.report.figures import confusion_figure, save
from kws.runtime.decision import STEP_MS
from kws.runtime.model import Model
from kws.tflite.metadata import write_metadata
from kws.training.run_folder import RESULTS, init_run, load_network
from kws.utils.console import load_keras, table
from kws.utils.errors import KwsError
from kws.utils.files import write_bytes, write_text
from kws.utils.provenance import provenance

# The files of a run, and the options of ``export`` that make them.
FILES = {
    "custom": {"lowering": "custom"},
    "dense": {"lowering": "dense"},
    "stream": {"lowering": "custom", "streaming": True},
}


def train_and_show(
    recipe_path: Path,
    run: Path,
    data: Path | None = None,
    noise: Path | None = None,
    fresh: bool = False,
) -> dict:
    """Train into ``run``, export, and evaluate each file on the validation clips.

    A network that can stream also becomes stream.tflite. Leaves results.json and confusion.png in
    ``run``. Returns ``summary`` (the figures in results.json) and ``text`` (a table for a person).
    """
    plan, text = recipe.load(recipe_path)
    init_run(run, text, fresh)
    results = run / RESULTS
    if not results.exists():
        load_keras()
        from kws.convert.streaming import can_stream
        from kws.training.dataset import load_corpus
        from kws.training.train import train

        corpus = load_corpus(plan, data, noise)
        network = train(run, corpus)
        files = {}
        for name, options in FILES.items():
            if name != "stream" or can_stream(network):
                path = run / f"{name}.tflite"
                size, _ = export(run, path, force=True, **options)
                evaluated = evaluate_clips(Model(path), corpus.validation)
                files[name] = {"file_bytes": size, **evaluated}
        title = f"{run.name}: {files['custom']['accuracy']:.1%} of {len(corpus.validation)} clips"
        save(confusion_figure(files["custom"], title), run / "confusion.png")
        summary = {
            "name": run.name,
            "parameters": network.count_params(),
            "validation": files,
            "made_by": provenance(),
        }
        write_text(results, json.dumps(summary, indent=1) + "\n")
    summary = json.loads(results.read_text(encoding="utf-8"))
    return {"summary": summary, "text": _text(summary, run)}


def export(
    run: Path,
    out: Path,
    *,
    lowering: str = "custom",
    quantize: str = "none",
    target: str = "x86",
    limit: int | None = None,
    data: Path | None = None,
    force: bool = False,
    streaming: bool = False,
) -> tuple[int, list]:
    """Write a run's network as a .tflite with labels, front end and recipe.

    lowering, quantize, target, limit: as in ``kws.convert.convert``; limit counts the whole file.
    data: clips that int8 takes its ranges from, instead of the recipe's. streaming: write the
    streaming form (``kws.convert.streaming``). Returns the file's size in bytes and, layer by
    layer, what was chosen and why. Raises KwsError if the file exists and ``force`` is not given,
    or the run is not finished.
    """
    if out.exists() and not force:
        raise KwsError(f"{out}: is there already; --force replaces it", 2)
    plan, text = recipe.load(run)
    load_keras()
    from kws.convert.convert import convert
    from kws.convert.streaming import frames_nearest
    from kws.training.dataset import some_features

    network = load_network(run)
    options: dict = {"quantize": quantize, "target": target}
    if quantize == "int8":
        options["representative"] = some_features(plan, data, count=200)
    metadata = {
        "format": 1,
        "name": run.name,
        "labels": label_names(plan.data.words),
        "samples": plan.samples,
        "frontend": plan.frontend.to_dict(),
    }
    if quantize != "compact":  # where every byte counts
        metadata["recipe"] = text
    if streaming:
        frames = frames_nearest(network, STEP_MS / plan.frontend.hop_ms)
        options["frames"] = frames
        metadata |= {"stream": {"frames": frames}, "frames": plan.frames}
    if limit is not None:
        bare = convert(network, lowering="custom", **options).data
        options["limit"] = limit - len(write_metadata(bare, metadata)) + len(bare)
    converted = convert(network, lowering=lowering, **options)
    contents = write_metadata(converted.data, metadata)
    write_bytes(out, contents)
    return len(contents), converted.choices


def _text(summary: dict, run: Path) -> str:
    rows = [
        [
            f"{name}.tflite",
            f"{summary['parameters']:,}",
            f"{result['file_bytes']:,}",
            f"{result['accuracy']:.2%}",
        ]
        for name, result in summary["validation"].items()
    ]
    clip_count = summary["validation"]["custom"]["clips"]
    header = [summary["name"], "parameters", "bytes", f"accuracy on {clip_count} validation clips"]
    return f"{table(header, rows)}\n\nconfusion matrix: {run / 'confusion.png'}"

"""The way from a recipe to a measured .tflite: what ``make train`` runs."""

import json
from pathlib import Path

from kws import recipe
from kws.corpus import clips
from kws.errors import KwsError
from kws.files import write_bytes, write_text
from kws.provenance import provenance
from kws.quiet import load_keras
from kws.report import confusion_picture, table
from kws.run_folder import RESULTS, claim

LOWERINGS = ("custom", "dense")
STEP_MS = 40.0  # of a streaming network: a smaller one costs more, a larger one is slower to react


def train_and_show(
    recipe_path: Path,
    run: Path,
    data: Path | None = None,
    noise: Path | None = None,
    fresh: bool = False,
) -> dict:
    """Train into ``run``, export every lowering, evaluate each file on the validation clips.

    A network that can stream is also exported so, as stream.tflite. Leaves results.json and
    confusion.png in ``run``; returns ``summary`` (the same figures) and ``text`` (a table for a
    person).
    """
    plan, text = recipe.load(recipe_path)
    claim(run, text, fresh)
    results = run / RESULTS
    if not results.exists():
        load_keras()
        from kws import training
        from kws.streaming import can_stream

        network = training.train(run, data, noise)
        validation = training.load_corpus(plan, data, noise)[1]
        forms = [(lowering, lowering, False) for lowering in LOWERINGS]
        if can_stream(network):
            forms.append(("stream", "custom", True))
        files = {}
        for name, lowering, streaming in forms:
            path = run / f"{name}.tflite"
            size, _ = export(run, path, lowering, force=True, streaming=streaming)
            files[name] = {"file_bytes": size, **_evaluated(path, validation)}
        picture = run / "confusion.png"
        title = f"{run.name}: {files['custom']['accuracy']:.1%} of {len(validation)} clips"
        confusion_picture(files["custom"], picture, title)
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
    lowering: str = "custom",
    quantize: str = "none",
    target: str = "x86",
    limit: int | None = None,
    data: Path | None = None,
    force: bool = False,
    streaming: bool = False,
):
    """Write a run's network as a .tflite with labels, front end and recipe.

    lowering, quantize, target, limit: as in ``kws.lowering``; limit counts the whole file. data:
    clips whose features int8 takes its ranges from, instead of the recipe's. streaming: the form
    that keeps its past and takes the frames that are new, see ``kws.streaming``. Returns the
    file's bytes and, layer by layer, what was chosen and why.
    """
    if out.exists() and not force:
        raise KwsError(f"{out}: is there already; --force replaces it", 2)
    plan, text = recipe.load(run)
    load_keras()
    from kws import model_file, training
    from kws.lowering import lower_with_choices
    from kws.streaming import frames_nearest

    network = training.load_network(run)
    representative = None
    if quantize == "int8":
        representative = training.some_features(plan, data, count=200)
    metadata = {
        "format": 1,
        "name": run.name,
        "labels": clips.label_names(plan.data.words),
        "samples": plan.samples,
        "frontend": plan.frontend.to_dict(),
    }
    if quantize != "compact":  # where every byte counts
        metadata["recipe"] = text
    frames = None
    if streaming:
        frames = frames_nearest(network, STEP_MS / plan.frontend.hop_ms)
        metadata |= {"stream": {"frames": frames}, "frames": plan.frames}

    room = None
    if limit is not None:
        bare = lower_with_choices(network, "custom", quantize, representative, frames=frames)
        room = limit - len(model_file.write_metadata(bare.data, metadata)) + len(bare.data)
    lowered = lower_with_choices(network, lowering, quantize, representative, target, room, frames)
    contents = model_file.write_metadata(lowered.data, metadata)
    write_bytes(out, contents)
    return len(contents), lowered.choices


def _evaluated(path: Path, validation: clips.ClipSet) -> dict:
    from kws.evaluation import evaluate_clips
    from kws.runtime import Model

    return evaluate_clips(Model(path), validation)


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

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


def train_and_show(
    recipe_path: Path,
    run: Path,
    data: Path | None = None,
    noise: Path | None = None,
    fresh: bool = False,
) -> dict:
    """Train into ``run``, export every lowering, evaluate each file on the validation clips.

    Leaves results.json and confusion.png in ``run``; returns ``summary`` (the same figures) and
    ``text`` (a table for a person).
    """
    plan, text = recipe.load(recipe_path)
    claim(run, text, fresh)
    results = run / RESULTS
    if not results.exists():
        load_keras()
        from kws import training

        network = training.train(run, data, noise)
        validation = training.load_corpus(plan, data, noise)[1]
        files = {}
        for lowering in LOWERINGS:
            path = run / f"{lowering}.tflite"
            size = export(run, lowering, path, force=True, network=network)
            files[lowering] = {"file_bytes": size, **_evaluated(path, validation)}
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


def export(run: Path, lowering: str, out: Path, force: bool = False, network=None) -> int:
    """Write a run's network as a .tflite with labels, front end and recipe; return its bytes."""
    load_keras()
    from kws import model_file, training
    from kws.lowering import lower

    if out.exists() and not force:
        raise KwsError(f"{out}: is there already; --force replaces it", 2)
    plan, text = recipe.load(run)
    network = network or training.load_network(run)
    metadata = {
        "format": 1,
        "name": run.name,
        "labels": clips.label_names(plan.data.words),
        "samples": plan.samples,
        "frontend": plan.frontend.to_dict(),
        "recipe": text,
    }
    data = model_file.write_metadata(lower(network, lowering), metadata)
    write_bytes(out, data)
    return len(data)


def _evaluated(path: Path, validation: clips.ClipSet) -> dict:
    from kws.evaluation import evaluate_clips
    from kws.runtime import Model

    return evaluate_clips(Model(path), validation)


def _text(summary: dict, run: Path) -> str:
    rows = [
        [
            f"{lowering}.tflite",
            f"{summary['parameters']:,}",
            f"{result['file_bytes']:,}",
            f"{result['accuracy']:.2%}",
        ]
        for lowering, result in summary["validation"].items()
    ]
    clip_count = summary["validation"]["custom"]["clips"]
    header = [summary["name"], "parameters", "bytes", f"accuracy on {clip_count} validation clips"]
    return f"{table(header, rows)}\n\nconfusion matrix: {run / 'confusion.png'}"

"""``kws evaluate``: clips classified and counted."""

import json
from pathlib import Path

from kws.cli.common import percent, refuse_overwriting
from kws.utils.console import Progress


def register(command) -> None:
    sub = command(
        "evaluate",
        run,
        "classify clips, one folder a label, and count what is right",
        "kws evaluate models/words-12/custom.tflite clips --split validation --json result.json",
    )
    sub.add_argument("model", type=Path)
    sub.add_argument("folder", type=Path, help="clips in any audio format, one folder a label")
    sub.add_argument("--split", choices=["training", "validation", "testing"])
    sub.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    sub.add_argument("--picture", type=Path, metavar="FILE", help="draw the confusion matrix")
    sub.add_argument("--force", action="store_true", help="replace FILEs that are there")


def run(options) -> None:
    from kws.evaluation.accuracy import evaluate
    from kws.report.figures import confusion_picture
    from kws.runtime.model import Model
    from kws.utils.console import table
    from kws.utils.files import write_text
    from kws.utils.provenance import provenance

    refuse_overwriting(options.json, options.force)
    refuse_overwriting(options.picture, options.force)
    model = Model(options.model)
    with Progress("clips") as progress:
        result = evaluate(model, options.folder, options.split, progress)
    result["model"] = {"file": options.model.name, "file_bytes": options.model.stat().st_size}
    rows = [
        [name, c["clips"], percent(c["recall"]), percent(c["precision"])]
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

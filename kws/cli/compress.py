"""``kws compress``: dense layers become structured ones."""

import json
from pathlib import Path

from kws.cli.common import refuse_overwriting


def register(command) -> None:
    sub = command(
        "compress",
        run,
        "replace the dense layers of a trained Keras model by structured ones",
        "kws compress runs/words-12-dense/model.keras --budget 160000 --data clips",
    )
    sub.add_argument("model", type=Path, help="a .keras file")
    size = sub.add_mutually_exclusive_group(required=True)
    size.add_argument("--rank", type=int, help="displacement rank of every layer")
    size.add_argument("--budget", type=int, metavar="BYTES", help="for all weights as float32")
    sub.add_argument("--out", type=Path, metavar="FILE", help="default NAME.compressed.keras")
    sub.add_argument("--data", type=Path, metavar="DIR", help="clips to fine-tune on")
    sub.add_argument("--noise", type=Path, metavar="DIR", help="recordings of background noise")
    sub.add_argument("--epochs", type=int, default=10, help="of fine-tuning (default 10)")
    sub.add_argument(
        "--learning-rate", type=float, metavar="RATE", help="of fine-tuning (default the recipe's)"
    )
    sub.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    sub.add_argument("--force", action="store_true", help="replace FILEs that are there")


def run(options) -> None:
    from kws.utils.console import load_keras
    from kws.utils.files import write_text
    from kws.utils.provenance import provenance

    out = options.out or options.model.with_name(f"{options.model.stem}.compressed.keras")
    refuse_overwriting(out, options.force)
    refuse_overwriting(options.json, options.force)
    load_keras()
    from kws.training.compress import compress_run

    figures = compress_run(
        options.model,
        out,
        options.rank,
        options.budget,
        options.data,
        options.noise,
        options.epochs,
        options.learning_rate,
    )
    print(out)
    if options.json:
        report = {**figures, "made_by": provenance()}
        write_text(options.json, json.dumps(report, indent=1) + "\n")

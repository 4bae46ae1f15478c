"""``kws train``, ``kws export``, ``kws compress``: a recipe or a network becomes a model."""

import json
from pathlib import Path

from kws.cli.common import (
    add_data_options,
    add_figures_options,
    refuse_overwriting,
    write_figures,
)


def register(command) -> None:
    _register_train(command)
    _register_export(command)
    _register_compress(command)


def _register_train(command) -> None:
    sub = command(
        "train",
        _train,
        "train a recipe, export the model and show how good it is",
        "kws train models/words-12 --data ~/speech_commands",
    )
    sub.add_argument("recipe", type=Path, help="a recipe.toml, or the folder that holds one")
    add_data_options(sub)
    sub.add_argument("--run", type=Path, metavar="DIR", help="run folder (default runs/<recipe>)")
    sub.add_argument("--fresh", action="store_true", help="start anew, replacing the run folder's")
    sub.add_argument("--json", action="store_true", help="print the result as JSON")


def _train(options) -> None:
    from kws.pipeline import train_and_show

    recipe = options.recipe.resolve()
    name = recipe.parent.name if recipe.name == "recipe.toml" else recipe.stem
    run = options.run or Path("runs") / name
    result = train_and_show(options.recipe, run, options.data, options.noise, options.fresh)
    print(json.dumps(result["summary"]) if options.json else result["text"])


def _register_export(command) -> None:
    sub = command(
        "export",
        _export,
        "convert a trained run to a .tflite with labels and front end inside",
        "kws export runs/quickstart --lowering auto --quantize float16 --out small.tflite",
    )
    sub.add_argument("run", type=Path, help="a run folder of 'kws train'")
    sub.add_argument(
        "--lowering",
        choices=["custom", "builtin", "dense", "auto"],
        default="custom",
        help="custom: our op, smallest file (the default); builtin: small too, but any stock "
        "runtime runs it, slowly; dense: matrices worked out; auto: the fastest for --target",
    )
    sub.add_argument(
        "--quantize",
        choices=["none", "float16", "dynamic", "int8", "compact"],
        default="none",
        help="how weights are stored: dynamic also multiplies in int8, int8 computes throughout "
        "in it, compact makes the smallest file (default none)",
    )
    sub.add_argument(
        "--streaming",
        action="store_true",
        help="for detect, listen and the runner: a network that keeps its past and computes only "
        "what is new",
    )
    sub.add_argument("--target", choices=["x86", "cortex-a53", "cortex-a76"], default="x86")
    sub.add_argument("--limit", type=int, metavar="BYTES", help="of auto: no larger file")
    sub.add_argument("--data", type=Path, metavar="DIR", help="clips that int8 measures ranges on")
    sub.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="default RUN/<lowering>….tflite, or RUN/stream….tflite",
    )
    sub.add_argument("--force", action="store_true", help="replace FILE if it is there")


def _export(options) -> None:
    from kws.pipeline import export

    out = options.out or options.run / f"{_file_name(options)}.tflite"
    size, choices = export(
        options.run,
        out,
        lowering=options.lowering,
        quantize=options.quantize,
        target=options.target,
        limit=options.limit,
        data=options.data,
        force=options.force,
        streaming=options.streaming,
    )
    if options.lowering == "auto":
        for choice in choices:
            print(f"{choice.layer}: {choice.lowering}, {choice.why}")
    print(f"{out}: {size:,} bytes")


def _file_name(options) -> str:
    parts = [options.lowering]
    if options.streaming:
        parts = ["stream"] if options.lowering == "custom" else ["stream", options.lowering]
    if options.quantize != "none":
        parts.append(options.quantize)
    return "-".join(parts)


def _register_compress(command) -> None:
    sub = command(
        "compress",
        _compress,
        "replace the dense layers of a trained Keras model by structured ones",
        "kws compress runs/words-12-dense/model.keras --budget 160000 --data clips",
    )
    sub.add_argument("model", type=Path, help="a .keras file")
    size = sub.add_mutually_exclusive_group(required=True)
    size.add_argument("--rank", type=int, help="displacement rank of every layer")
    size.add_argument("--budget", type=int, metavar="BYTES", help="for all weights as float32")
    sub.add_argument("--out", type=Path, metavar="FILE", help="default NAME.compressed.keras")
    add_data_options(sub)
    sub.add_argument("--epochs", type=int, default=10, help="of fine-tuning (default 10)")
    sub.add_argument(
        "--learning-rate", type=float, metavar="RATE", help="of fine-tuning (default the recipe's)"
    )
    add_figures_options(sub)


def _compress(options) -> None:
    from kws.utils.console import load_keras

    out = options.out or options.model.with_name(f"{options.model.stem}.compressed.keras")
    refuse_overwriting(out, options.json, force=options.force)
    load_keras()
    from kws.training.compress import compress_run

    figures = compress_run(
        options.model,
        out,
        rank=options.rank,
        budget=options.budget,
        data=options.data,
        noise=options.noise,
        epochs=options.epochs,
        learning_rate=options.learning_rate,
    )
    print(out)
    if options.json:
        write_figures(options.json, figures)

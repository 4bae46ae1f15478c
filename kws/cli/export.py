"""``kws export``: a trained run becomes a .tflite."""

from pathlib import Path


def register(command) -> None:
    sub = command(
        "export",
        run,
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


def run(options) -> None:
    from kws.pipeline import export

    out = options.out or options.run / f"{_name(options)}.tflite"
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


def _name(options) -> str:
    parts = [options.lowering]
    if options.streaming:
        parts = ["stream"] if options.lowering == "custom" else ["stream", options.lowering]
    if options.quantize != "none":
        parts.append(options.quantize)
    return "-".join(parts)

"""``kws models``: what networks cost before they are trained."""

import json
from pathlib import Path


def register(command) -> None:
    sub = command(
        "models",
        None,
        "tell what a recipe's network costs",
        "kws models summary models/words-12",
    )
    kinds = sub.add_subparsers(metavar="WHAT", required=True)
    summary = kinds.add_parser("summary", help="parameters, bytes, work per second of audio")
    summary.set_defaults(run_command=run)
    summary.add_argument("recipe", type=Path, nargs="+", help="recipes, or folders that hold one")
    summary.add_argument("--json", action="store_true", help="print as JSON")


def run(options) -> None:
    from dataclasses import asdict

    from kws.convert.summary import summarise
    from kws.utils.console import load_keras, table

    load_keras()
    found = [summarise(path) for path in options.recipe]
    if options.json:
        print(json.dumps([asdict(one) for one in found]))
        return
    for one in found:
        rows = [
            [
                layer.kind,
                "×".join(map(str, layer.output)),
                layer.n or "",
                layer.rank or "",
                f"{layer.parameters:,}",
                f"{layer.bytes:,}",
                f"{layer.macs:,}",
                f"{layer.ffts:,}",
            ]
            for layer in one.layers
            if layer.parameters or layer.macs or layer.ffts
        ]
        header = ["layer", "output", "n", "rank", "parameters", "bytes", "MACs", "FFTs"]
        print(f"{one.name}, one look at {one.frames} frames:\n")
        print(table(header, rows))
        print(
            f"\n{one.parameters:,} parameters; file without labels: {one.float_bytes:,} bytes "
            f"float32, {one.int8_bytes:,} bytes int8 (compact)\n"
            f"per second of audio, a look every {one.step_ms:g} ms: "
            f"{one.macs_per_second / 1e6:,.1f} M MACs, {one.ffts_per_second:,.0f} FFTs\n"
        )
        if one.streaming_macs_per_second is not None:
            print(
                f"streaming: {one.streaming_macs_per_second / 1e6:,.1f} M MACs, "
                f"{one.streaming_ffts_per_second:,.0f} FFTs\n"
            )

"""``kws inspect``, ``kws models``: what a model file holds, and what a recipe's network costs."""

import json
from pathlib import Path

_NAMES = {"macs": "MACs", "ffts": "FFTs"}


def register(command) -> None:
    sub = command(
        "inspect",
        _inspect,
        "tell what is in a .tflite, layer by layer, and what dense would have cost",
        "kws inspect models/words-12/custom.tflite",
    )
    sub.add_argument("model", type=Path)
    sub.add_argument("--json", action="store_true", help="print as JSON")

    sub = command(
        "models",
        None,
        "tell what a recipe's network costs",
        "kws models summary models/words-12",
    )
    kinds = sub.add_subparsers(metavar="WHAT", required=True)
    summary = kinds.add_parser("summary", help="parameters, bytes, work per second of audio")
    summary.set_defaults(run_command=_summary)
    summary.add_argument("recipe", type=Path, nargs="+", help="recipes, or folders that hold one")
    summary.add_argument("--json", action="store_true", help="print as JSON")


def _inspect(options) -> None:
    from dataclasses import asdict

    from kws.tflite.inspect import inspect_model
    from kws.tflite.metadata import metadata_bytes, read_model

    data, metadata = read_model(options.model)
    layers = inspect_model(data)
    if options.json:
        print(json.dumps({"metadata": metadata, "layers": [asdict(layer) for layer in layers]}))
        return
    print(f"{options.model}: {len(data):,} bytes, labels {' '.join(metadata['labels'])}\n")
    keys = ["parameters", "bytes", "macs", "ffts", "dense_parameters", "dense_bytes", "dense_macs"]
    sums = [f"{sum(getattr(layer, key) for layer in layers):,}" for key in keys]
    print(_layer_table(layers, ["n", "rank", *keys], total=["total", "", "", *sums]))
    constants, described = sum(layer.bytes for layer in layers), metadata_bytes(data)
    print(
        f"\n{len(data):,} bytes are {constants:,} of constants, {described:,} of labels, front end "
        f"and recipe, {len(data) - constants - described:,} of what ties them together"
    )


def _summary(options) -> None:
    from dataclasses import asdict

    from kws.convert.summary import summarise
    from kws.utils.console import load_keras

    load_keras()
    found = [summarise(path) for path in options.recipe]
    if options.json:
        print(json.dumps([asdict(one) for one in found]))
        return
    for one in found:
        layers = [layer for layer in one.layers if layer.parameters or layer.macs or layer.ffts]
        print(f"{one.name}, one step on {one.frames} frames:\n")
        keys = ["output", "n", "rank", "parameters", "bytes", "macs", "ffts"]
        print(_layer_table(layers, keys))
        print(
            f"\n{one.parameters:,} parameters; file without labels: {one.float_bytes:,} bytes "
            f"float32, {one.int8_bytes:,} bytes int8 (compact)\n"
            f"per second of audio, a step every {one.step_ms:g} ms: "
            f"{one.macs_per_second / 1e6:,.1f} M MACs, {one.ffts_per_second:,.0f} FFTs\n"
        )
        if one.streaming_macs_per_second is not None:
            print(
                f"streaming: {one.streaming_macs_per_second / 1e6:,.1f} M MACs, "
                f"{one.streaming_ffts_per_second:,.0f} FFTs\n"
            )


def _layer_table(layers: list, keys: list[str], total: list[str] | None = None) -> str:
    """A row a layer; what a layer does not have stays empty."""
    from kws.utils.console import table

    header = ["layer"]
    for key in keys:
        *words, last = key.split("_")
        header.append(" ".join([*words, _NAMES.get(last, last)]))
    rows = [[layer.kind, *(_cell(getattr(layer, key)) for key in keys)] for layer in layers]
    return table(header, [*rows, total] if total else rows)


def _cell(value) -> str:
    if isinstance(value, tuple):
        return "×".join(map(str, value))
    return "" if value is None else f"{value:,}"

"""``kws inspect``: what is in a model file."""

import json
from pathlib import Path


def register(command) -> None:
    sub = command(
        "inspect",
        run,
        "tell what is in a .tflite, layer by layer, and what dense would have cost",
        "kws inspect models/words-12/custom.tflite",
    )
    sub.add_argument("model", type=Path)
    sub.add_argument("--json", action="store_true", help="print as JSON")


def run(options) -> None:
    from dataclasses import asdict

    from kws.tflite.inspect import inspect_model
    from kws.tflite.metadata import metadata_bytes, read_model
    from kws.utils.console import table

    data, metadata = read_model(options.model)
    layers = inspect_model(data)
    if options.json:
        print(json.dumps({"metadata": metadata, "layers": [asdict(layer) for layer in layers]}))
        return
    print(f"{options.model}: {len(data):,} bytes, labels {' '.join(metadata['labels'])}\n")
    constants, described = sum(layer.bytes for layer in layers), metadata_bytes(data)
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
    print(
        f"\n{len(data):,} bytes are {constants:,} of constants, {described:,} of labels, front end "
        f"and recipe, {len(data) - constants - described:,} of what ties them together"
    )

"""``kws bench``: speed and memory, side by side in one run; a module for each thing measured."""

import importlib
from pathlib import Path

KINDS = ["frontend", "layers", "model", "ops", "stream"]


def register(command) -> None:
    sub = command(
        "bench",
        None,
        "measure speed and memory, side by side in one run",
        "kws bench layers --json layers.json",
    )
    kinds = sub.add_subparsers(metavar="WHAT", required=True)
    for kind in KINDS:
        importlib.import_module(f"kws.cli.bench_{kind}").register(kinds)


def output_options(parser) -> None:
    """Where a benchmark's figures go; every kind has these."""
    parser.add_argument("--json", type=Path, required=True, metavar="FILE", help="the figures")
    parser.add_argument("--quick", action="store_true", help="few cases, for a first look")
    parser.add_argument("--force", action="store_true", help="replace FILE if it is there")

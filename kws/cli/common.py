"""What several commands share: options, and how they write and show."""

import argparse
import json
from pathlib import Path

from kws.utils.errors import KwsError


def add_data_options(parser) -> None:
    """Folders that take the place of the recipe's."""
    parser.add_argument("--data", type=Path, metavar="DIR", help="clips, one folder a word")
    parser.add_argument("--noise", type=Path, metavar="DIR", help="recordings of background noise")


def add_figures_options(parser) -> None:
    """Where the figures go."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    parser.add_argument("--force", action="store_true", help="replace FILEs that are there")


def add_threshold_option(parser) -> None:
    parser.add_argument(
        "--threshold",
        type=_probability,
        help="of every keyword, 0 to 1 (default: as the model file says, else 0.7)",
    )


def refuse_overwriting(*paths: Path | None, force: bool) -> None:
    """Raise KwsError if one of ``paths`` is there and ``--force`` was not given."""
    for path in paths:
        if path and path.exists() and not force:
            raise KwsError(f"{path}: is there already; --force replaces it", 2)


def write_figures(path: Path, figures: dict) -> None:
    """Write figures as JSON, with the command and the machine that made them."""
    from kws.utils.files import write_text
    from kws.utils.provenance import provenance

    write_text(path, json.dumps({**figures, "made_by": provenance()}, indent=1) + "\n")


def percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _probability(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("must be between 0 and 1")
    return value

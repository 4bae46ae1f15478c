"""What several commands share."""

import argparse
from pathlib import Path

from kws.utils.errors import KwsError


def refuse_overwriting(path: Path | None, force: bool) -> None:
    """Raise KwsError if ``path`` is there and ``--force`` was not given."""
    if path and path.exists() and not force:
        raise KwsError(f"{path}: is there already; --force replaces it", 2)


def percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def probability(text: str) -> float:
    """An argument in [0, 1]."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("must be between 0 and 1")
    return value

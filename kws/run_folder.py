"""The folder of one training: what lies where, and whose it is."""

from pathlib import Path

from kws.errors import KwsError
from kws.files import write_text

RECIPE = "recipe.toml"
NETWORK = "model.keras"
EAR = "ear.keras"
EAR_CHECKPOINT = "ear-checkpoint.keras"
CHECKPOINT = "checkpoint.keras"
HISTORY = "history.json"
DESCRIPTION = "run.json"
RESULTS = "results.json"
_MADE = (NETWORK, EAR, EAR_CHECKPOINT, CHECKPOINT, HISTORY, DESCRIPTION, RESULTS)


def claim(run: Path, recipe: str, fresh: bool) -> None:
    """Make the run folder this recipe's (its TOML text), unless it is another's.

    fresh: drop what an earlier training left. Raises KwsError if another recipe's training is
    there.
    """
    taken = run / RECIPE
    if fresh:
        for name in _MADE:
            (run / name).unlink(missing_ok=True)
    elif taken.exists() and taken.read_text(encoding="utf-8") != recipe:
        raise KwsError(
            f"{run}: holds a training by another recipe; choose another folder with --run, "
            "or --fresh to replace it",
            2,
        )
    if run.exists() and not run.is_dir():
        raise KwsError(f"{run}: is a file; choose a folder with --run", 2)
    write_text(taken, recipe)

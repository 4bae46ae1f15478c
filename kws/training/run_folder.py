"""The folder of one training: what lies where, and which recipe it belongs to.

Nothing here loads Keras before a network is read or written.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from kws import recipe
from kws.utils.errors import KwsError
from kws.utils.files import replacing, write_text

if TYPE_CHECKING:
    import keras

RECIPE = "recipe.toml"
NETWORK = "model.keras"
ENCODER = "encoder.keras"
ENCODER_CHECKPOINT = "encoder-checkpoint.keras"
CHECKPOINT = "checkpoint.keras"
HISTORY = "history.json"
DESCRIPTION = "run.json"
RESULTS = "results.json"
_MADE = (NETWORK, ENCODER, ENCODER_CHECKPOINT, CHECKPOINT, HISTORY, DESCRIPTION, RESULTS)


def init_run(run: Path, text: str, fresh: bool) -> None:
    """Make the run folder that of a recipe, given as TOML text, unless it is another recipe's.

    fresh: remove what an earlier training left. Raises KwsError if another recipe's training is
    there, or ``run`` is a file.
    """
    taken = run / RECIPE
    if fresh:
        for name in _MADE:
            (run / name).unlink(missing_ok=True)
    elif taken.exists() and not _same_recipe(taken.read_text(encoding="utf-8"), text):
        raise KwsError(
            f"{run}: holds a training by another recipe; choose another folder with --run, "
            "or --fresh to replace it",
            2,
        )
    if run.exists() and not run.is_dir():
        raise KwsError(f"{run}: is a file; choose a folder with --run", 2)
    write_text(taken, text)


def save_network(network: "keras.Model", path: Path) -> None:
    """Write a network, with what its training needs to go on, to a .keras file."""
    with replacing(path) as temporary:
        try:
            network.save(temporary)
        except RuntimeError as error:
            # HDF5 reports a full disk in its own words.
            raise OSError(f"{path.parent}: cannot be written ({error})") from error


def read_network(path: Path) -> "keras.Model":
    """The network in a .keras file. Raises KwsError if it is missing or damaged."""
    import keras

    # What the files of this project hold besides Keras's own layers, registered by being imported.
    import kws.networks.layers
    import kws.structured  # noqa: F401

    if not path.is_file():
        raise KwsError(f"{path}: no such file", 2)
    try:
        return keras.saving.load_model(path)
    except (ValueError, OSError, KeyError) as error:
        raise KwsError(f"{path}: is damaged; train again with --fresh") from error


def load_network(run: Path) -> "keras.Model":
    """The trained network of a run folder. Raises KwsError if its training is not finished."""
    if not (run / NETWORK).exists():
        raise KwsError(f"{run}: holds no finished training ({NETWORK}); run 'kws train' first", 2)
    return read_network(run / NETWORK)


def trained_file(named: str, key: str) -> Path:
    """The .keras file that a recipe's key names, itself or by its folder.

    Raises KwsError if it is not there.
    """
    path = Path(named)
    path = path / NETWORK if path.is_dir() else path
    if not path.is_file():
        raise KwsError(f"{path}: the recipe's {key} is not there; train it first", 2)
    return path


def read_history(run: Path) -> list[dict]:
    """Loss and accuracies of every epoch so far."""
    path = run / HISTORY
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def _same_recipe(one: str, other: str) -> bool:
    if one == other:
        return True
    try:
        return recipe.parse(one) == recipe.parse(other)
    except KwsError:
        return False

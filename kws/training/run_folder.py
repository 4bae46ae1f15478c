"""The folder of one training: the files in it, and the recipe that it belongs to.

Keras is loaded only when a network is read or written.
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
_OF_A_TRAINING = (NETWORK, ENCODER, ENCODER_CHECKPOINT, CHECKPOINT, HISTORY, DESCRIPTION, RESULTS)


def init_run(run: Path, text: str, fresh: bool) -> None:
    """Make a run folder for the recipe in a TOML text, or find the one that it has.

    fresh: remove what an earlier training left. Raises KwsError if the folder belongs to another
    recipe, or ``run`` is a file.
    """
    taken = run / RECIPE
    if fresh:
        for name in _OF_A_TRAINING:
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
    """Write a network, and its optimiser if it has one, to a .keras file."""
    with replacing(path) as temporary:
        try:
            network.save(temporary)
        except RuntimeError as error:
            # HDF5 does not report a full disk as an OSError.
            raise OSError(f"{path.parent}: cannot be written ({error})") from error


def read_network(path: Path) -> "keras.Model":
    """The network in a .keras file. Raises KwsError if it is missing or damaged."""
    import keras

    # Their import registers the layers that Keras does not have.
    import kws.networks.layers
    import kws.structured  # noqa: F401

    if not path.is_file():
        raise KwsError(f"{path}: no such file", 2)
    try:
        return keras.saving.load_model(path)
    except Exception as error:  # Keras reports a damaged file in many ways
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise KwsError(
            f"{path}: not a Keras model that can be loaded ({reason}); "
            "'kws train --fresh' makes a damaged one again"
        ) from error


def load_network(run: Path) -> "keras.Model":
    """The trained network of a run folder. Raises KwsError if its training is not finished."""
    if not (run / NETWORK).exists():
        raise KwsError(f"{run}: holds no finished training ({NETWORK}); run 'kws train' first", 2)
    return read_network(run / NETWORK)


def trained_file(named: str, key: str) -> Path:
    """The .keras file that a recipe names as ``key``: the file itself, or its folder.

    Raises KwsError if it is not there.
    """
    path = Path(named)
    path = path / NETWORK if path.is_dir() else path
    if not path.is_file():
        raise KwsError(f"{path}: the recipe's {key} is not there; train it first", 2)
    return path


def read_history(run: Path) -> list[dict]:
    """Loss and accuracies of every epoch so far, oldest first."""
    path = run / HISTORY
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def _same_recipe(one: str, other: str) -> bool:
    if one == other:
        return True
    try:
        return recipe.parse(one) == recipe.parse(other)
    except KwsError:
        return False

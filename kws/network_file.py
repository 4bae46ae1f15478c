"""Keras networks as files, whole or not at all."""

from pathlib import Path

import keras

from kws.errors import KwsError
from kws.files import replacing


def save(network: keras.Model, path: Path) -> None:
    """Write a network, with what its training needs to go on, to a .keras file."""
    with replacing(path) as temporary:
        try:
            network.save(temporary)
        except RuntimeError as error:
            # HDF5 reports a full disk in its own words.
            raise OSError(f"{path.parent}: cannot be written ({error})") from error


def read(path: Path) -> keras.Model:
    """The network in a .keras file. Raises KwsError if it is missing or damaged."""
    if not path.is_file():
        raise KwsError(f"{path}: no such file", 2)
    try:
        return keras.saving.load_model(path)
    except (ValueError, OSError, KeyError) as error:
        raise KwsError(f"{path}: is damaged; train again with --fresh") from error

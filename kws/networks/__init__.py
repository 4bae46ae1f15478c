"""A description of a network becomes a keras.Model from log-mel features to class probabilities.

One file a family. ``temporal``, ``encoder`` and ``separable`` are this project's own. ``paper`` is
the network that the structured layers were first shown on. The others are for comparison.
"""

import importlib

from kws.networks.config import FAMILIES, Network

__all__ = ["Network", "build"]


def build(net: Network, shape: tuple[int, int], outputs: int):
    """The keras.Model of a description: (batch, frames, bands) log-mel -> (batch, outputs) softmax.

    shape: (frames, bands). Raises KwsError if the network does not fit the frames or the bands.
    """
    # Imported here, so that a recipe can be read without Keras.
    module = importlib.import_module(f"kws.networks.{FAMILIES[net.family]}")
    return module.build(net, shape, outputs)

"""A description of a network becomes a keras.Model from log-mel features to class probabilities.

One file a family. Ours are ``temporal``, ``encoder`` and the structured DS-CNN; the others are what
they are compared with, and ``paper`` is the network that the structured layers were first shown on.
"""

import importlib

from kws.networks.config import Network

__all__ = ["Network", "build"]

_BUILDERS = {
    "temporal": ("temporal", "build"),
    "encoder": ("encoder", "build"),
    "separable": ("ds_cnn", "build_structured"),
    "paper": ("paper", "build"),
    "dnn": ("dnn", "build"),
    "ds-cnn": ("ds_cnn", "build"),
    "tc-resnet": ("tc_resnet", "build"),
    "bc-resnet": ("bc_resnet", "build"),
}


def build(net: Network, shape: tuple[int, int], outputs: int):
    """The keras.Model of a description: (batch, frames, bands) log-mel -> (batch, outputs) softmax.

    shape: (frames, bands). Raises KwsError if the network needs more frames than there are.
    """
    # Imported here, so that a recipe can be read without Keras.
    module, builder = _BUILDERS[net.family]
    return getattr(importlib.import_module(f"kws.networks.{module}"), builder)(net, shape, outputs)

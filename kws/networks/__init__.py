"""A recipe becomes a keras.Model from log-mel features to class probabilities.

One file a family. Ours are ``temporal``, ``listener`` and ``separable``; the others are what they
are compared with, and ``paper`` is the network that the structured layers were first shown on.
"""

import keras

from kws.networks import bc_resnet, dnn, ds_cnn, listener, paper, separable, tc_resnet, temporal
from kws.networks.masks import SpecAugment
from kws.recipe import Recipe

__all__ = ["SpecAugment", "build"]

_FAMILIES = {
    "temporal": temporal,
    "listener": listener,
    "separable": separable,
    "paper": paper,
    "dnn": dnn,
    "ds-cnn": ds_cnn,
    "tc-resnet": tc_resnet,
    "bc-resnet": bc_resnet,
}


def build(recipe: Recipe, outputs: int) -> keras.Model:
    """The network of a recipe: (batch, frames, bands) log-mel -> (batch, outputs) softmax.

    Raises KwsError if the network needs more frames than a clip has.
    """
    shape = (recipe.frames, recipe.frontend.bands)
    return _FAMILIES[recipe.network.family].build(recipe.network, shape, outputs)

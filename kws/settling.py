"""After the words: a listener's ear halfway back to what it was, and a head taught anew.

Where most clips of a word are synthetic, a network that learns words from them learns what is
synthetic about them too, and the ear loses what it had of people. An ear between the one before
the words and the one after has more of both (Wortsman et al. 2022, "Robust fine-tuning of
zero-shot models"). Its head is then taught what two larger views of the same clips agree on: the
network as it was trained, and a head on Google's speech embedding.
"""

import keras
import numpy as np

from kws import feeding, networks, origins
from kws.corpus.variations import Variations
from kws.ear import denormalise, give, spread
from kws.embedding_head import hearing
from kws.networks import listener
from kws.recipe import Recipe

_TAUGHT = 0.9  # of a target that is the two's answer, not the label
_BATCH = 128
_COUNTED = 60  # batches that the ear's new statistics are of


def settle(
    network: keras.Model, ear: keras.Model, variations: Variations, plan: Recipe
) -> keras.Model:
    """A network with the ear ``plan.training.back`` of the way back, and a head for that.

    network: after the words, (batch, frames, bands) -> (batch, classes); ear: before them. All that
    a clip's origin makes likely is told this time (``kws.origins``).
    """
    classes = network.output_shape[-1]
    every = range(variations.count)
    features = [variations[k][0] for k in every]
    labels = [variations[k][1] for k in every]
    told = [origins.expectations(labels[k], variations.synthetic(k), classes) for k in every]
    labels, told = np.concatenate(labels), np.concatenate(told)
    embeddings = np.concatenate([variations.embeddings(k) for k in every])
    keras.utils.set_random_seed(plan.training.seed)
    hearer = hearing(embeddings, labels, told)
    agreed = np.sqrt(_answers(hearer, [embeddings]) * _answers(network, features))
    targets = np.eye(classes, dtype=np.float32)[labels]
    targets = (1 - _TAUGHT) * targets + _TAUGHT * origins.given(agreed, told)
    keras.utils.set_random_seed(plan.training.seed)
    settled = networks.build(plan, classes)
    give(settled, listener.front(network))
    give(settled, ear, plan.training.back)
    front = listener.front(settled)
    _count_anew(front, features[0])
    heard = _answers(front, features)
    mean, scale = spread(heard)
    normed = (heard - mean) / scale
    origins.fit(listener.head(settled), normed, told, targets, epochs=12, steps=600, rate=2e-3)
    denormalise(settled.get_layer("narrow"), mean, scale)
    return settled


def _count_anew(front: keras.Model, features: np.ndarray) -> None:
    """Means and variances between two networks' are not those of the network between."""
    for k in range(_COUNTED):
        some = np.arange(k * _BATCH, (k + 1) * _BATCH) % len(features)
        front(features[some].astype(np.float32), training=True)


def _answers(model: keras.Model, parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([feeding.answers(model, part) for part in parts])

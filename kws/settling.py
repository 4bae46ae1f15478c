"""After the words: a listener's ear halfway back to what it was, and a head taught anew.

Where most clips of a word are synthetic, a network that learns words from them learns what is
synthetic about them too, and the ear loses what it had of people. An ear between the one before
the words and the one after has more of both (Wortsman et al. 2022, "Robust fine-tuning of
zero-shot models"). Its head is then taught what two larger views of the same clips agree on: the
network as it was trained, and a head on Google's speech embedding.
"""

import keras
import numpy as np

from kws import networks
from kws.corpus.variations import Variations
from kws.ear import denormalise, spread
from kws.embedding_head import hearing
from kws.networks import listener
from kws.origins import Expecting, expectations, given
from kws.recipe import Recipe

_TAUGHT = 0.9  # of a target that is the two's answer, not the label
_EPOCHS, _STEPS = 12, 600  # at least, of both
_BATCH, _RATE, _DECAY = 128, 2e-3, 1e-3
_COUNTED = 60  # batches that the ear's new statistics are of


def settle(
    network: keras.Model,
    ear: keras.Model,
    variations: Variations,
    plan: Recipe,
) -> keras.Model:
    """A network with the ear ``plan.training.back`` of the way back, and a head for that.

    network: after the words, (batch, frames, bands) -> (batch, classes); ear: before them. All that
    a clip's origin makes likely is told this time (``kws.origins``).
    """
    classes = network.output_shape[-1]
    every = range(variations.count)
    features = [variations[k][0] for k in every]
    labels = np.concatenate([variations[k][1] for k in every])
    told = np.concatenate(
        [expectations(variations[k][1], variations.synthetic(k), classes) for k in every]
    )
    embeddings = [variations.embeddings(k) for k in every]
    keras.utils.set_random_seed(plan.training.seed)
    hearer = hearing(embeddings, labels, told)
    agreed = np.sqrt(_answers(hearer, embeddings) * _answers(network, features))
    targets = np.eye(classes, dtype=np.float32)[labels]
    targets = (1 - _TAUGHT) * targets + _TAUGHT * given(agreed, told)
    keras.utils.set_random_seed(plan.training.seed)
    settled = networks.build(plan, classes)
    front = keras.Model(settled.input, settled.get_layer("ear").output)
    _go_back(front, network, ear, plan.training.back)
    _count_anew(front, features[0])
    heard = _answers(front, features)
    mean, scale = spread(heard)
    _teach(listener.head(settled), (heard - mean) / scale, told, targets)
    denormalise(settled.get_layer("narrow"), mean, scale)
    return settled


def _go_back(front: keras.Model, after: keras.Model, before: keras.Model, share: float) -> None:
    for layer in before.layers:
        pairs = zip(layer.get_weights(), after.get_layer(layer.name).get_weights(), strict=True)
        between = [share * old + (1 - share) * new for old, new in pairs]
        front.get_layer(layer.name).set_weights(between)


def _count_anew(front: keras.Model, features: np.ndarray) -> None:
    """Means and variances between two networks' are not those of the network between."""
    for k in range(_COUNTED):
        some = np.arange(k * _BATCH, (k + 1) * _BATCH) % len(features)
        front(features[some].astype(np.float32), training=True)


def _answers(model: keras.Model, parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(
        [
            model.predict_on_batch(part[at : at + 512].astype(np.float32))
            for part in parts
            for at in range(0, len(part), 512)
        ]
    )


def _teach(head: keras.Model, heard: np.ndarray, told: np.ndarray, targets: np.ndarray) -> None:
    beforehand = keras.Input(told.shape[1:])
    model = keras.Model([head.input, beforehand], Expecting()(head.output, beforehand))
    epochs = max(_EPOCHS, _STEPS * _BATCH // len(heard))
    schedule = keras.optimizers.schedules.CosineDecay(_RATE, epochs * -(-len(heard) // _BATCH))
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=_DECAY),
        keras.losses.CategoricalCrossentropy(),
    )
    model.fit([heard, told], targets, batch_size=_BATCH, epochs=epochs, verbose=0)

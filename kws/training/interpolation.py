"""Weight interpolation: the final encoder lies between the one before the words and the one after.

Where most clips of a word are synthetic, a network also learns what is synthetic about them, and
its encoder loses some of what it knew of people. An encoder between the one before the training on
words and the one after it has more of both (Wortsman et al. 2022, "Robust fine-tuning of zero-shot
models"). Its head is then trained again, on the product of two teachers: the network as it was
trained, and a head on Google's speech embedding.
"""

import keras
import numpy as np

from kws import networks
from kws.datasets.features import AugmentedFeatures
from kws.networks.encoder import encoder_of, fold_normalisation, head_of, set_encoder
from kws.recipe import Recipe
from kws.training.distillation import speech_embeddings, train_embedding_head
from kws.training.encoder import mean_and_scale
from kws.training.fit import predict
from kws.training.logit_adjustment import adjust, fit_adjusted, log_priors

_TEACHER_WEIGHT = 0.9  # of the teachers in a target; the label has the rest
_BATCH = 128
_STATISTICS_BATCHES = 60  # that the interpolated encoder's batch statistics are taken from


def interpolate(
    network: keras.Model, encoder: keras.Model, variations: AugmentedFeatures, plan: Recipe
) -> keras.Model:
    """A network with an interpolated encoder and a newly trained head.

    network: trained on the words, (batch, frames, bands) -> (batch, classes). encoder: as it was
    before the words; ``plan.training.encoder_interpolation`` is its share. The head is trained with
    full logit adjustment.
    """
    classes = network.output_shape[-1]
    numbers = range(variations.count)
    features = [variations[k][0] for k in numbers]
    labels = [variations[k][1] for k in numbers]
    priors = [log_priors(labels[k], variations.synthetic(k), classes) for k in numbers]
    labels, priors = np.concatenate(labels), np.concatenate(priors)
    embeddings = np.concatenate([speech_embeddings(variations, k) for k in numbers])
    keras.utils.set_random_seed(plan.training.seed)
    embedding_head = train_embedding_head(embeddings, labels, priors)
    teachers = np.sqrt(predict(embedding_head, embeddings) * predict(network, *features))
    targets = np.eye(classes, dtype=np.float32)[labels]
    targets = (1 - _TEACHER_WEIGHT) * targets + _TEACHER_WEIGHT * adjust(teachers, priors)
    keras.utils.set_random_seed(plan.training.seed)
    interpolated = networks.build(plan.network, plan.shape, classes)
    set_encoder(interpolated, encoder_of(network))
    set_encoder(interpolated, encoder, plan.training.encoder_interpolation)
    front = encoder_of(interpolated)
    _update_statistics(front, features[0])
    encoded = predict(front, *features)
    mean, scale = mean_and_scale(encoded)
    inputs = (encoded - mean) / scale
    fit_adjusted(head_of(interpolated), inputs, priors, targets, rate=2e-3)
    fold_normalisation(interpolated, mean, scale)
    return interpolated


def _update_statistics(encoder: keras.Model, features: np.ndarray) -> None:
    """Measure the batch statistics again: those of two encoders do not interpolate."""
    for k in range(_STATISTICS_BATCHES):
        some = np.arange(k * _BATCH, (k + 1) * _BATCH) % len(features)
        encoder(features[some].astype(np.float32), training=True)

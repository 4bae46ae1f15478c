"""Teachers: a trained network, and a head on Google's speech embedding.

A network that learns from a teacher's probabilities learns more of each clip than from its label
(Hinton et al. 2015). The speech embedding was trained on very many people. A head on it that is
trained with synthetic voices and few recordings is uncertain where people differ from these voices,
and its uncertainty makes better targets than labels are.
"""

import hashlib
from pathlib import Path

import keras
import numpy as np

from kws.datasets.features import AugmentedFeatures
from kws.training.fit import predict
from kws.training.logit_adjustment import fit_adjusted
from kws.training.run_folder import read_network
from kws.training.speech_embedding import SpeechEmbedding
from kws.utils.console import Progress
from kws.utils.errors import KwsError

_UNITS = 512


def teacher_probabilities(variations: AugmentedFeatures, teacher: Path, k: int) -> np.ndarray:
    """The probabilities float32 (clips, classes) that a .keras file gives for variation ``k``.

    A teacher that was trained on shorter clips gets the middle of each. Raises KwsError for one
    that was trained on longer clips.
    """

    def compute() -> np.ndarray:
        network = read_network(teacher)
        features, _ = variations[k]
        frames = network.input_shape[1]
        spare = features.shape[1] - frames
        if spare < 0:
            raise KwsError(f"{teacher}: was trained on longer clips than the recipe has", 2)
        return predict(network, features[:, spare // 2 : spare // 2 + frames])

    digest = hashlib.blake2b(teacher.read_bytes(), digest_size=6).hexdigest()
    return variations.kept(f"answers-{digest}-{k}", compute)


def speech_embeddings(variations: AugmentedFeatures, k: int) -> np.ndarray:
    """Google's speech embedding of variation ``k``: float16 (clips, steps, 96)."""

    def compute() -> np.ndarray:
        embedding, parts = SpeechEmbedding(), []
        what = f"batches embedded of variation {k + 1} of {variations.count}"
        with Progress(what) as progress:
            for samples in variations.batches(k):
                parts.append(embedding(samples).astype(np.float16))
                progress(len(parts), -(-len(variations[k][1]) // len(parts[0])))
        return np.concatenate(parts)

    return variations.kept(f"embeddings-{k}", compute)


def train_embedding_head(
    embeddings: np.ndarray, labels: np.ndarray, priors: np.ndarray
) -> keras.Model:
    """A head that finds a word at any step: (batch, steps, 96) -> (batch, classes).

    embeddings: (clips, steps, 96); labels: int (clips,); priors: float32 (clips, classes), as of
    ``kws.training.logit_adjustment.log_priors``.

    The head takes each unit's maximum over the steps. A head that sees all steps at once learns
    where synthetic clips have their word, and finds fewer words of people.
    """
    embeddings = embeddings.astype(np.float32)
    normalisation = keras.layers.Normalization()
    normalisation.adapt(embeddings)
    inputs = keras.Input(embeddings.shape[1:])
    x = keras.layers.SpatialDropout1D(0.1)(normalisation(inputs))
    x = keras.layers.Dropout(0.35)(x)
    x = keras.layers.Dense(_UNITS, activation="relu")(x)
    x = keras.layers.GlobalMaxPooling1D()(x)
    x = keras.layers.Dropout(0.7)(x)
    x = keras.layers.Dense(priors.shape[1], activation="softmax")(x)
    head = keras.Model(inputs, x)
    targets = np.eye(priors.shape[1], dtype=np.float32)[labels]
    fit_adjusted(head, embeddings, priors, targets, rate=1e-3)
    return head

"""A network for one keyword in a stream: an ear, and a head taught with scenes and mistakes.

Synthetic voices are few, and clean. The ear (``kws.ear``) has its descriptions from a large
network that heard very many people; only the small head on it is taught what the keyword is. It
learns from scenes, and from the windows of the background that it took for the keyword, round
after round (hard negative mining). What is most of a target is not the label but the answer of
another head, on the large network's descriptions, that was taught with the same examples.
"""

from collections.abc import Callable

import keras
import numpy as np

from kws.networks.encoder import encoder_of, fold_normalisation, head_of, set_encoder
from kws.training.distillation import pca_head_probabilities
from kws.training.encoder import EmbeddedAudio, encode, mean_and_scale
from kws.training.fit import ArrayBatches, fit, predict
from kws.training.speech_embedding import PcaTargets
from kws.wakeword.examples import KEYWORD, OTHER, SILENCE, Examples

_KINDS = 3
_SMOOTHING = 0.02
_TEACHER_WEIGHT = 0.6  # of a target that is the teacher's answer
ROUNDS = 2  # of mining
_MINED = 8000  # windows a round, and at most an eighth of all
_EPOCHS, _BATCH, _RATE, _DECAY = 8, 128, 1e-3, 1e-2
_AT_ONCE = 8192


def teacher_answers(impressions: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """How much like the keyword a head on the embedding finds each example, float32 (examples,).

    impressions: (examples, components), what the head is taught with too.
    """
    return pca_head_probabilities(impressions, kinds != KEYWORD, classes=2)[:, 0]


def targets(kinds: np.ndarray, opinions: np.ndarray) -> np.ndarray:
    """What the network shall say of each example, float32 (examples, 3).

    opinions: of the teacher, (examples,); what it does not give the keyword goes to silence where
    that is what there is, else to other sounds.
    """
    hard = np.eye(_KINDS, dtype=np.float32)[kinds.astype(int)]
    hard = hard * (1 - _SMOOTHING) + _SMOOTHING / _KINDS
    taught = np.zeros_like(hard)
    taught[:, KEYWORD] = opinions
    taught[np.arange(len(kinds)), np.where(kinds == SILENCE, SILENCE, OTHER)] += 1 - opinions
    return (1 - _TEACHER_WEIGHT) * hard + _TEACHER_WEIGHT * taught


def train_head(
    network: keras.Model,
    ear: keras.Model,
    scenes: Examples,
    background: EmbeddedAudio,
    done: Callable[[int, float], None] = lambda *_: None,
) -> None:
    """Give a listener its ear, and teach its head.

    background: sound without the keyword. done: called after every round, with its number and the
    last loss.
    """
    set_encoder(network, ear)
    heard = predict(encoder_of(network), scenes.features)[:, 0]
    mean, scale = mean_and_scale(heard)
    head, wide = head_of(network), heard.shape[1]

    told = (encode(ear, background.features) - mean) / scale
    # Of the places where a window may begin those whose window lies in one sound. The embedding
    # may have a step less of it than the ear: its own front end needs some samples more.
    steps = scenes.embeddings.shape[1]
    span = max(wide, steps)
    begins = np.flatnonzero(np.convolve(background.whole, np.ones(span, int), "valid") == span)
    impressions = PcaTargets(scenes.embeddings)
    known = impressions(scenes.embeddings)
    mistaken = np.zeros(0, int)
    untaught = head.get_weights()
    for mining in range(ROUNDS + 1):
        if mining:
            liked = begins[np.argsort(-_scores(head, told, begins, wide))]
            mistaken = np.union1d(mistaken, liked[: min(_MINED, len(begins) // 8)])
        kinds = np.concatenate([scenes.kinds, np.full(len(mistaken), OTHER, np.int8)])
        mined = impressions(_windows(background.embeddings, mistaken, steps))
        wanted = targets(kinds, teacher_answers(np.concatenate([known, mined]), kinds))
        windows = np.concatenate([(heard - mean) / scale, _windows(told, mistaken, wide)])
        head.set_weights(untaught)
        done(mining, _fit(head, windows[:, None], wanted))
    fold_normalisation(network, mean, scale)


def _windows(steps: np.ndarray, begins: np.ndarray, wide: int) -> np.ndarray:
    return steps[begins[:, None] + np.arange(wide)].astype(np.float32)


def _scores(head: keras.Model, told: np.ndarray, begins: np.ndarray, wide: int) -> np.ndarray:
    """The keyword's score of the windows that begin there."""
    scores = [np.zeros(0, np.float32)]
    for at in range(0, len(begins), _AT_ONCE):
        windows = _windows(told, begins[at : at + _AT_ONCE], wide)
        scores.append(head.predict_on_batch(windows[:, None])[:, KEYWORD])
    return np.concatenate(scores)


def _fit(head: keras.Model, windows: np.ndarray, wanted: np.ndarray) -> float:
    head.compile(
        keras.optimizers.AdamW(_RATE, weight_decay=_DECAY),
        keras.losses.CategoricalCrossentropy(),
        jit_compile=keras.backend.backend() != "tensorflow",
    )
    batches = ArrayBatches(windows, wanted, _BATCH, seed=0)
    fitted = fit(head, batches, epochs=_EPOCHS)
    return fitted.history["loss"][-1]

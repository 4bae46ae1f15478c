"""A teacher out of few clips: a small head on Google's speech embedding.

The embedding heard very many people (``kws.corpus.embedding``). A head on it that was taught with
synthetic voices and some recordings still doubts where people differ from them, and its doubts
are better targets for a small network than labels are.
"""

from collections.abc import Sequence

import keras
import numpy as np

from kws.corpus.embedding import SIZE
from kws.origins import Expecting

_UNITS = 64
_EPOCHS, _STEPS = 6, 600  # at least, of both
_HEARING, _HEARING_EPOCHS = 512, 12  # units that look at each step; epochs of these
_BATCH = 128
_SMOOTHING = 0.02


def answers(impressions: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """The head's probabilities float32 (examples, classes), of the examples it was taught with.

    impressions: (examples, components); labels: int (examples,). It learns little enough not to
    know the examples by heart.
    """
    head = keras.Sequential(
        [
            keras.Input(impressions.shape[1:]),
            keras.layers.Dense(_UNITS, activation="relu"),
            keras.layers.Dropout(0.4),
            keras.layers.Dense(classes, activation="softmax"),
        ]
    )
    head.compile(
        keras.optimizers.AdamW(1e-3, weight_decay=1e-2),
        keras.losses.CategoricalCrossentropy(label_smoothing=_SMOOTHING),
    )
    wanted = np.eye(classes, dtype=np.float32)[labels.astype(int)]
    epochs = max(_EPOCHS, _STEPS * _BATCH // len(labels))
    head.fit(impressions, wanted, batch_size=_BATCH, epochs=epochs, verbose=0)
    return head.predict(impressions, batch_size=4096, verbose=0)


def hearing(
    embeddings: Sequence[np.ndarray],
    labels: np.ndarray,
    expected: np.ndarray,
) -> keras.Model:
    """A head that finds a word at whichever step it is, (batch, steps, 96) -> (batch, classes).

    embeddings: of several variations of the clips, each (clips, steps, 96). labels: int, of all of
    them; expected: float32 (all, classes), what is told beforehand (``kws.origins``).

    The largest of what each unit makes of any step goes on. A head that looks at all steps as one
    learns where synthetic clips have their word, and finds fewer people's.
    """
    heard = np.concatenate(embeddings).astype(np.float32)
    usual = keras.layers.Normalization()
    usual.adapt(heard)
    x = told = keras.Input((heard.shape[1], SIZE))
    x = keras.layers.SpatialDropout1D(0.1)(usual(x))
    x = keras.layers.Dropout(0.35)(x)
    x = keras.layers.Dense(_HEARING, activation="relu")(x)
    x = keras.layers.GlobalMaxPooling1D()(x)
    x = keras.layers.Dropout(0.7)(x)
    x = keras.layers.Dense(expected.shape[1], activation="softmax")(x)
    head = keras.Model(told, x)
    beforehand = keras.Input(expected.shape[1:])
    model = keras.Model([told, beforehand], Expecting()(x, beforehand))
    epochs = max(_HEARING_EPOCHS, _STEPS * _BATCH // len(heard))
    steps = epochs * -(-len(heard) // _BATCH)
    model.compile(
        keras.optimizers.AdamW(
            keras.optimizers.schedules.CosineDecay(1e-3, steps), weight_decay=1e-3
        ),
        keras.losses.SparseCategoricalCrossentropy(),
    )
    model.fit([heard, expected], labels, batch_size=_BATCH, epochs=epochs, verbose=0)
    return head

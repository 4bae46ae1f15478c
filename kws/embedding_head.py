"""A teacher out of few clips: a small head on Google's speech embedding.

The embedding heard very many people (``kws.corpus.embedding``). A head on it that was taught with
synthetic voices and some recordings still doubts where people differ from them, and its doubts
are better targets for a small network than labels are.
"""

import keras
import numpy as np

from kws import feeding, origins

_UNITS = 64
_EPOCHS, _STEPS = 6, 600  # at least, of both
_HEARING = 512  # units that look at each step
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
    batches = feeding.Arrays(impressions, wanted, _BATCH, seed=0)
    feeding.fit(head, batches, epochs=epochs)
    return feeding.answers(head, impressions)


def hearing(embeddings: np.ndarray, labels: np.ndarray, told: np.ndarray) -> keras.Model:
    """A head that finds a word at whichever step it is, (batch, steps, 96) -> (batch, classes).

    embeddings: (clips, steps, 96); labels: int (clips,); told: float32 (clips, classes), what is
    told beforehand (``kws.origins``).

    The largest of what each unit makes of any step goes on. A head that looks at all steps as one
    learns where synthetic clips have their word, and finds fewer people's.
    """
    embeddings = embeddings.astype(np.float32)
    usual = keras.layers.Normalization()
    usual.adapt(embeddings)
    heard = keras.Input(embeddings.shape[1:])
    x = keras.layers.SpatialDropout1D(0.1)(usual(heard))
    x = keras.layers.Dropout(0.35)(x)
    x = keras.layers.Dense(_HEARING, activation="relu")(x)
    x = keras.layers.GlobalMaxPooling1D()(x)
    x = keras.layers.Dropout(0.7)(x)
    x = keras.layers.Dense(told.shape[1], activation="softmax")(x)
    head = keras.Model(heard, x)
    targets = np.eye(told.shape[1], dtype=np.float32)[labels]
    origins.fit(head, embeddings, told, targets, epochs=12, steps=_STEPS, rate=1e-3)
    return head

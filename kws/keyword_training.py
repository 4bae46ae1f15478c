"""A network for one keyword in a stream: taught with scenes, then with its own mistakes.

Synthetic voices are few, and clean. What a small network should listen for in people it learns
from a large one, Google's speech embedding (``kws.corpus.embedding``), which heard very many. A
head on the embedding, taught with the same scenes, says how much like the keyword each sounds,
and these answers are most of the small network's targets. Beside them it is asked for what the
embedding makes of the sound, real speech among it; that output is dropped afterwards.

After the first training the network listens to the background, and what it takes for the keyword
there is added to the examples, round after round (hard negative mining).
"""

from collections.abc import Callable, Sequence

import keras
import numpy as np

from kws.corpus.examples import KEYWORD, OTHER, SILENCE, Examples
from kws.embedding_head import answers
from kws.frontend_c import FeatureStream
from kws.recipe import Recipe

_KINDS = 3
_HOP_SECONDS = 0.08
_SMOOTHING = 0.02
_TAUGHT = 0.6  # of a target that is the teacher's answer


def opinions(impressions: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """How much like the keyword a head on the embedding finds each example, float32 (examples,).

    impressions: (examples, components), what the head is taught with too.
    """
    return answers(impressions, kinds != KEYWORD, classes=2)[:, 0]


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
    return (1 - _TAUGHT) * hard + _TAUGHT * taught


def fit(
    network: keras.Model,
    plan: Recipe,
    examples: Examples,
    impressions: np.ndarray,
    epochs: int,
    rate: float,
    done: Callable[[int, float], None] = lambda epoch, loss: None,
) -> None:
    """Train in place: warm-up, then a cosine to zero; the averaged weights are kept.

    impressions: what the network is asked for beside the kinds, and what its teacher knows of
    each example, (examples, components).
    """
    batch = plan.training.batch
    steps = -(-len(examples.kinds) // batch)
    warmup = max(1, steps // 2)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps * epochs - warmup), warmup_target=rate, warmup_steps=warmup
    )
    pooled = network.get_layer("pool").output
    beside = keras.layers.Dense(impressions.shape[1], name="impressions")(pooled)
    model = keras.Model(network.input, [network.output, beside])
    model.compile(
        keras.optimizers.AdamW(
            schedule, weight_decay=plan.training.weight_decay, use_ema=True, ema_momentum=0.995
        ),
        [keras.losses.CategoricalCrossentropy(), keras.losses.MeanSquaredError()],
        jit_compile=keras.backend.backend() != "tensorflow",
    )
    wanted = targets(examples.kinds, opinions(impressions, examples.kinds))
    model.fit(
        _Shuffled(examples.features, [wanted, impressions], plan),
        epochs=epochs,
        verbose=0,
        callbacks=[
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: done(epoch + 1, logs["loss"])
            )
        ],
    )
    model.optimizer.finalize_variable_values(model.trainable_variables)


class _Shuffled(keras.utils.PyDataset):
    """Features that are kept as float16, in another order every epoch."""

    def __init__(self, features: np.ndarray, wanted: Sequence[np.ndarray], plan: Recipe):
        super().__init__()
        self._features, self._wanted = features, wanted
        self._batch = plan.training.batch
        self._rng = np.random.default_rng(plan.training.seed)
        self.on_epoch_end()

    def on_epoch_end(self) -> None:
        self._order = self._rng.permutation(len(self._features))

    def __len__(self) -> int:
        return -(-len(self._features) // self._batch)

    def __getitem__(self, k: int):
        chosen = np.sort(self._order[k * self._batch : (k + 1) * self._batch])
        features = self._features[chosen].astype(np.float32)
        return features, tuple(wanted[chosen] for wanted in self._wanted)


def mine(
    network: keras.Model,
    plan: Recipe,
    recordings: Sequence[np.ndarray],
    most: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> np.ndarray:
    """Windows of the background that the network likes best: float32 (at most ``most``, samples).

    It looks every 80 ms; of a recording at most an eighth of the windows is taken.
    """
    hop = round(_HOP_SECONDS * plan.frontend.rate)
    liked: list[tuple[float, int, int]] = []
    for k, recording in enumerate(recordings):
        features = FeatureStream(plan.frontend).feed(recording)
        if len(features) >= plan.frames:
            windows = np.lib.stride_tricks.sliding_window_view(features, plan.frames, axis=0)
            windows = windows[:: hop // plan.frontend.hop].transpose(0, 2, 1)
            scores = network.predict_on_batch(np.ascontiguousarray(windows))[:, KEYWORD]
            best = np.argsort(-scores)[: 1 + len(scores) // 8]
            liked += [(float(scores[at]), k, int(at)) for at in best]
        progress(k + 1, len(recordings))
    liked.sort(reverse=True)
    found = np.zeros((min(most, len(liked)), plan.samples), np.float32)
    for row, (_, k, at) in zip(found, liked, strict=False):
        cut = recordings[k][at * hop :][: plan.samples]  # the last frame may reach over the end
        row[: len(cut)] = cut
    return found

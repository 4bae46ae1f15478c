"""A network for one keyword in a stream: taught with scenes, then with its own mistakes.

After the first training the network listens to the background, and what it takes for the keyword
there is added to the examples, round after round (hard negative mining).
"""

from collections.abc import Callable, Sequence

import keras
import numpy as np

from kws import networks
from kws.corpus.examples import KEYWORD
from kws.frontend_c import FeatureStream
from kws.recipe import Recipe

_KINDS = 3
_HOP_SECONDS = 0.08
_SMOOTHING = 0.02


def targets(kinds: np.ndarray) -> np.ndarray:
    """What the network shall say of each example, float32 (examples, 3)."""
    wanted = np.eye(_KINDS, dtype=np.float32)[kinds.astype(int)]
    return wanted * (1 - _SMOOTHING) + _SMOOTHING / _KINDS


def fit(
    network: keras.Model,
    plan: Recipe,
    features: np.ndarray,
    wanted: np.ndarray,
    epochs: int,
    rate: float,
    done: Callable[[int, float], None] = lambda epoch, loss: None,
) -> None:
    """Train in place: warm-up, then a cosine to zero; the averaged weights are kept."""
    batch = plan.training.batch
    steps = -(-len(features) // batch)
    warmup = max(1, steps // 2)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps * epochs - warmup), warmup_target=rate, warmup_steps=warmup
    )
    given = keras.Input(network.input_shape[1:])
    masks = networks.SpecAugment(
        round(plan.augment.time_mask_ms / plan.frontend.hop_ms),
        plan.augment.band_mask,
        seed=plan.training.seed,
    )
    model = keras.Model(given, network(masks(given)))
    model.compile(
        keras.optimizers.AdamW(
            schedule, weight_decay=plan.training.weight_decay, use_ema=True, ema_momentum=0.995
        ),
        keras.losses.CategoricalCrossentropy(),
        jit_compile=keras.backend.backend() != "tensorflow",
    )
    model.fit(
        _Shuffled(features, wanted, batch, plan.training.seed),
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

    def __init__(self, features: np.ndarray, wanted: np.ndarray, batch: int, seed: int):
        super().__init__()
        self._features, self._wanted, self._batch = features, wanted, batch
        self._rng = np.random.default_rng(seed)
        self.on_epoch_end()

    def on_epoch_end(self) -> None:
        self._order = self._rng.permutation(len(self._wanted))

    def __len__(self) -> int:
        return -(-len(self._wanted) // self._batch)

    def __getitem__(self, k: int):
        chosen = np.sort(self._order[k * self._batch : (k + 1) * self._batch])
        return self._features[chosen].astype(np.float32), self._wanted[chosen]


def listen(network: keras.Model, plan: Recipe, recording: np.ndarray):
    """The keyword's probability in every window of a recording, one each 80 ms: (windows,), and
    the windows' features as a view float32 (windows, frames, bands)."""
    features = FeatureStream(plan.frontend).feed(recording)
    if len(features) < plan.frames:
        return np.zeros(0, np.float32), np.zeros((0, plan.frames, plan.frontend.bands), np.float32)
    hop = round(1000 * _HOP_SECONDS / plan.frontend.hop_ms)
    windows = np.lib.stride_tricks.sliding_window_view(features, plan.frames, axis=0)
    windows = windows[::hop].transpose(0, 2, 1)
    scores = network.predict_on_batch(np.ascontiguousarray(windows))
    return scores[:, KEYWORD], windows


def mine(
    network: keras.Model,
    plan: Recipe,
    recordings: Sequence[np.ndarray],
    most: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> np.ndarray:
    """Windows of the background that the network likes best: float16 (≤ most, frames, bands)."""
    liked: list[tuple[float, np.ndarray]] = []
    for k, recording in enumerate(recordings):
        scores, windows = listen(network, plan, recording)
        for at in np.argsort(-scores)[: 4 + len(scores) // 8]:
            liked.append((float(scores[at]), windows[at].astype(np.float16)))
        progress(k + 1, len(recordings))
    liked.sort(key=lambda pair: -pair[0])
    if not liked:
        return np.zeros((0, plan.frames, plan.frontend.bands), np.float16)
    return np.stack([window for _, window in liked[:most]])

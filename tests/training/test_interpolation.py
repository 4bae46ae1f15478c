"""A network whose encoder is interpolated, and whose head is trained again."""

import keras
import numpy as np
import pytest

from kws import networks
from kws.networks.encoder import build_encoder
from kws.recipe import parse
from kws.training import logit_adjustment
from kws.training.interpolation import interpolate

RECIPE = """
[data]
words = ["low", "high"]
seconds = 1.2
[network]
family = "encoder"
body = "ds-cnn"
channels = 8
blocks = 1
bottleneck = 16
[training]
encoder_epochs = 1
encoder_interpolation = 0.25
logit_adjustment = 0.5
"""


class Variations:
    """Two variations of 240 clips: a word's frames are loud in the bands that are its own."""

    count = 2

    def __init__(self, frames: int):
        rng = np.random.default_rng(0)
        self._labels = np.arange(240, dtype=np.int32) % 4
        own = np.kron(np.eye(4), np.ones(10))[self._labels]
        self._features = rng.normal(size=(2, 240, frames, 40)) + 2 * own[None, :, None]
        self._embeddings = rng.normal(size=(2, 240, 6, 96))
        self._embeddings[..., :40] += 2 * own[None, :, None]

    def __getitem__(self, k: int):
        return self._features[k].astype(np.float16), self._labels

    def kept(self, name: str, compute):
        k = int(name.removeprefix("embeddings-"))
        return self._embeddings[k].astype(np.float16)

    def synthetic(self, k: int):
        return np.arange(240) % 8 < 4


@pytest.fixture(scope="module")
def interpolated():
    plan = parse(RECIPE)
    keras.utils.set_random_seed(0)
    variations = Variations(plan.frames)
    before = build_encoder(plan.network, (plan.frames, plan.frontend.bands))
    after = networks.build(plan.network, plan.shape, 4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logit_adjustment, "_STEPS", 150)
        return before, after, interpolate(after, before, variations, plan), variations


def test_the_encoder_is_between_the_one_before_and_the_one_after(interpolated):
    before, after, network, _ = interpolated
    for layer in before.layers:
        if isinstance(layer, keras.layers.BatchNormalization) or not layer.get_weights():
            continue
        old, new, now = (
            model.get_layer(layer.name).get_weights()[0] for model in (before, after, network)
        )
        np.testing.assert_allclose(now, 0.25 * old + 0.75 * new, atol=1e-6)


def test_the_head_knows_the_words(interpolated):
    *_, network, variations = interpolated
    features, labels = variations[0]
    answers = network.predict(features.astype(np.float32), verbose=0)
    assert np.mean(answers.argmax(axis=1) == labels) > 0.7  # chance is a quarter

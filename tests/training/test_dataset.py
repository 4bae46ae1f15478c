"""The epochs of a training: features, and targets of labels and of a teacher."""

import numpy as np
import pytest

from kws.datasets.clips import ClipSet
from kws.datasets.noise import Noise
from kws.recipe import parse
from kws.training.dataset import Corpus, Epochs, augmented
from kws.utils.errors import KwsError
from tests.recipes import network_of

RECIPE = """
[data]
words = ["low", "high"]
seconds = {seconds}
[network]
channels = 4
blocks = 1
[augment]
variations = 2
[training]
label_smoothing = 0.1
seed = 3
{more}
"""


@pytest.fixture
def clips():
    samples = (np.random.default_rng(0).normal(size=(9, 16000)) * 1000).astype(np.int16)
    return ClipSet(samples, np.repeat(np.arange(3, dtype=np.int32), 3), np.zeros(9, bool))


def epochs_of(clips: ClipSet, more: str = "", epoch: int = 0) -> Epochs:
    plan = parse(RECIPE.format(seconds=1.0, more=more))
    return Epochs(plan, augmented(plan, Corpus("clips", clips, clips, Noise())), epoch)


def test_targets_are_of_labels_and_of_the_teacher(clips, tmp_path):
    """The teacher was trained on shorter clips: it gets the middle of these."""
    short = network_of(RECIPE.format(seconds=0.8, more=""), 4)
    short.save(tmp_path / "model.keras")
    features, targets = epochs_of(clips, f'teacher = "{tmp_path}"\nteacher_weight = 0.25')[0]
    same, labels = epochs_of(clips)[0]
    np.testing.assert_array_equal(features, same)
    np.testing.assert_allclose(np.unique(labels), [0.025, 0.925], rtol=1e-5)
    spare = features.shape[1] - short.input_shape[1]
    probabilities = short(features[:, spare // 2 : spare // 2 + short.input_shape[1]])
    np.testing.assert_allclose(targets, 0.75 * labels + 0.25 * np.array(probabilities), atol=2e-3)


def test_an_epoch_depends_on_seed_and_number_alone(clips):
    straight, resumed = epochs_of(clips), epochs_of(clips, epoch=3)
    for _ in range(3):
        straight.on_epoch_end()
    for expected, got in zip(straight[0], resumed[0], strict=True):
        np.testing.assert_array_equal(expected, got)


def test_a_teacher_that_is_not_there(clips):
    with pytest.raises(KwsError, match="teacher is not there"):
        epochs_of(clips, 'teacher = "nobody"')

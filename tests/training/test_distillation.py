"""Targets of a training: labels, a teacher's answers, and logit adjustment."""

import keras
import numpy as np
import pytest

from kws.datasets.clips import ClipSet
from kws.datasets.noise import Noise
from kws.recipe import parse
from kws.training import distillation
from kws.training.dataset import Corpus, Epochs, augmented
from kws.training.logit_adjustment import LogitAdjustment, adjust, log_priors
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


def test_targets_are_labels_and_the_teachers_answers(clips, tmp_path):
    """The teacher was taught on shorter clips: it sees the middle of these."""
    short = network_of(RECIPE.format(seconds=0.8, more=""), 4)
    short.save(tmp_path / "model.keras")
    taught = f'teacher = "{tmp_path}"\nteacher_weight = 0.25'
    plan = parse(RECIPE.format(seconds=1.0, more=taught))
    variations = augmented(plan, Corpus("clips", clips, clips, Noise()))
    alone = parse(RECIPE.format(seconds=1.0, more=""))
    features, targets = Epochs(plan, variations)[0]
    same, labels = Epochs(alone, variations)[0]
    np.testing.assert_array_equal(features, same)
    np.testing.assert_allclose(np.unique(labels), [0.025, 0.925], rtol=1e-5)
    spare = features.shape[1] - short.input_shape[1]
    answers = short(features[:, spare // 2 : spare // 2 + short.input_shape[1]])
    np.testing.assert_allclose(targets, 0.75 * labels + 0.25 * np.array(answers), atol=2e-3)


def test_an_epoch_depends_on_seed_and_number_alone(clips):
    plan = parse(RECIPE.format(seconds=1.0, more=""))
    variations = augmented(plan, Corpus("clips", clips, clips, Noise()))
    straight, resumed = Epochs(plan, variations), Epochs(plan, variations, epoch=3)
    for _ in range(3):
        straight.on_epoch_end()
    for expected, got in zip(straight[0], resumed[0], strict=True):
        np.testing.assert_array_equal(expected, got)


def test_a_teacher_that_is_not_there(clips):
    plan = parse(RECIPE.format(seconds=1.0, more='teacher = "nobody"'))
    with pytest.raises(KwsError, match="teacher is not there"):
        Epochs(plan, augmented(plan, Corpus("clips", clips, clips, Noise())))


def test_what_an_origin_makes_likely_is_not_learnt():
    """Recordings are mostly of one class, synthetic clips of both, and nothing else tells them."""
    labels = np.repeat([0, 1, 0, 1], [190, 10, 100, 100])
    synthetic = np.arange(400) >= 200
    told = log_priors(labels, synthetic, 3)
    np.testing.assert_allclose(told[0, :2], np.log([1, 11 / 191]), rtol=1e-5)
    np.testing.assert_allclose(told[-1, :2], [0, 0])
    features = np.stack([~synthetic, synthetic], axis=1).astype(np.float32)
    answers = {}
    for share in (0.0, 1.0):
        keras.utils.set_random_seed(0)
        inputs, expected = keras.Input((2,)), keras.Input((3,))
        network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, "softmax")])
        model = keras.Model([inputs, expected], LogitAdjustment()(network(inputs), expected))
        model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
        model.fit([features, share * told], labels, epochs=30, verbose=0)
        answers[share] = network.predict(np.float32([[1, 0]]), verbose=0)[0]
    assert answers[0.0][1] < 0.1 < 0.3 < answers[1.0][1]


def test_the_embeddings_head_finds_a_word_at_a_step_where_it_never_was():
    """Of two words and nothing, each at the first two of four steps in training."""
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 3
    words = rng.normal(size=(2, 96))
    heard = 0.3 * rng.normal(size=(300, 4, 96))
    for k, label in enumerate(labels):
        if label < 2:
            heard[k, rng.integers(2)] += words[label]
    keras.utils.set_random_seed(0)
    head = distillation.train_embedding_head(heard, labels, np.zeros((300, 3), np.float32))
    moved = heard[:, ::-1]
    np.testing.assert_allclose(head(moved), head(heard), atol=1e-5)
    assert np.mean(np.argmax(head(moved), axis=1) == labels) > 0.95


def test_answers_are_told_what_networks_are_told():
    rng = np.random.default_rng(0)
    answers = rng.dirichlet(np.ones(4), 5).astype(np.float32)
    told = rng.normal(size=(5, 4)).astype(np.float32)
    np.testing.assert_allclose(adjust(answers, told), LogitAdjustment()(answers, told), rtol=1e-5)

"""The head of one keyword's network, trained on tones."""

import keras
import numpy as np
import pytest

from kws import networks, recipe
from kws.networks.encoder import build_encoder
from kws.training.embedded_audio import embed_recordings
from kws.training.encoder import SEGMENT
from kws.wakeword import head
from kws.wakeword.examples import KEYWORD, OTHER, SILENCE, Examples, examples_of
from kws.wakeword.head import targets, teacher_probabilities, train_head
from tests.training.embeddings import Embedding, beep

PLAN = recipe.parse(
    """
    [data]
    words = ["beep"]
    seconds = 1.0
    [network]
    family = "encoder"
    structure = "dense"
    stack = 1
    channels = 16
    blocks = 1
    kernel = 3
    stride = 2
    """
)


def beeps(count: int, rng) -> Examples:
    labels = rng.integers(2, size=count).astype(np.int8)
    pitches = np.where(labels == KEYWORD, 1200, rng.uniform(200, 700, count))
    sounds = np.stack([beep(pitch, rng, PLAN.samples) for pitch in pitches])
    return examples_of(sounds, labels, PLAN.frontend, Embedding())


def test_targets_are_distributions():
    wanted = targets(np.array([0, 1, 2], np.int8), np.array([0.9, 0.1, 0.0], np.float32))
    np.testing.assert_allclose(wanted.sum(axis=1), 1, rtol=1e-6)
    assert (wanted.argmax(axis=1) == [KEYWORD, OTHER, SILENCE]).all()


def test_an_uncertain_teacher_softens_the_target():
    labels = np.array([KEYWORD, KEYWORD, OTHER, OTHER], np.int8)
    sure, doubtful, other, similar = targets(labels, np.array([1, 0.1, 0, 0.6], np.float32))
    assert sure[KEYWORD] > 0.95
    assert other[OTHER] > 0.95
    assert doubtful[KEYWORD] < 0.5 < doubtful[OTHER] + doubtful[KEYWORD]
    assert 0.3 < similar[KEYWORD] < 0.5


def test_the_teacher_knows_the_keyword_but_not_the_examples_by_heart():
    rng = np.random.default_rng(2)
    keras.utils.set_random_seed(2)
    labels = rng.integers(2, size=2000).astype(np.int8)
    components = rng.normal(size=(2000, 8)).astype(np.float32)
    components[:, 0] += np.where(labels == KEYWORD, 4, 0)
    wrong = np.arange(20)
    given = labels.copy()
    given[wrong] = 1 - labels[wrong]
    found = teacher_probabilities(components, given)
    assert ((found > 0.5) == (labels == KEYWORD)).mean() > 0.95
    assert ((found[wrong] > 0.5) == (labels[wrong] == KEYWORD)).mean() > 0.8


@pytest.fixture(scope="module")
def background():
    rng = np.random.default_rng(1)
    recordings = [beep(rng.uniform(200, 900), rng, 32000) for _ in range(60)]
    return embed_recordings(recordings, PLAN.frontend, Embedding())


@pytest.mark.parametrize("missing", [0, 1])
def test_a_network_learns_the_keyword(background, monkeypatch, missing):
    """missing: steps that the speech embedding has less of a window than the encoder."""
    rounds = []
    monkeypatch.setattr(head, "note", rounds.append)
    monkeypatch.setattr(head, "_TEACHER_STEPS", 60)
    monkeypatch.setattr(head, "_ROUNDS", 2 - missing)
    keras.utils.set_random_seed(1)
    examples = beeps(400, np.random.default_rng(6))
    steps = examples.embeddings.shape[1] - missing
    examples = Examples(examples.features, examples.labels, examples.embeddings[:, :steps])
    encoder = build_encoder(PLAN.network, (SEGMENT, PLAN.frontend.bands))
    network = networks.build(PLAN.network, PLAN.shape, 3)
    train_head(network, encoder, examples, background)
    assert len(rounds) == 3 - missing
    fresh = beeps(100, np.random.default_rng(4))
    decided = network.predict(fresh.features.astype(np.float32), verbose=0).argmax(axis=1)
    assert (decided == fresh.labels).mean() > 0.95
    assert set(decided) == {KEYWORD, OTHER}

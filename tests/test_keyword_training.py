"""Training of one keyword, and the command around it, on tones. About 10 seconds."""

import keras
import numpy as np
import pytest

from kws import networks, recipe
from kws.cli import main
from kws.corpus.embedding import Impressions
from kws.corpus.examples import KEYWORD, OTHER, Examples, of_sounds
from kws.keyword_training import fit, mine, opinions, targets

PLAN = recipe.parse(
    """
    [data]
    words = ["beep"]
    seconds = 0.5
    [network]
    structure = "dense"
    channels = 16
    blocks = 1
    kernel = 3
    stride = 2
    [training]
    batch = 32
    """
)


def beep(hertz: float, rng, samples: int = PLAN.samples) -> np.ndarray:
    time = np.arange(samples) / 16000
    noise = 0.01 * rng.standard_normal(samples)
    return (0.3 * np.sin(2 * np.pi * hertz * time) + noise).astype(np.float32)


def ear(sounds: np.ndarray) -> np.ndarray:
    """Stands for the speech embedding: a coarse spectrum."""
    power = np.abs(np.fft.rfft(sounds))[:, : 96 * 40].reshape(len(sounds), 1, 96, 40)
    return np.log(power.mean(axis=3) + 1e-3)


def beeps(count: int, rng) -> Examples:
    kinds = rng.integers(2, size=count).astype(np.int8)
    pitches = np.where(kinds == KEYWORD, 1200, rng.uniform(200, 700, count))
    return of_sounds(np.stack([beep(p, rng) for p in pitches]), kinds, PLAN.frontend, ear)


def test_targets_are_distributions():
    wanted = targets(np.array([0, 1, 2], np.int8), np.array([0.9, 0.1, 0.0], np.float32))
    np.testing.assert_allclose(wanted.sum(axis=1), 1, rtol=1e-6)
    assert (wanted.argmax(axis=1) == [0, 1, 2]).all()


def test_a_teacher_in_doubt_softens_the_target():
    kinds = np.array([KEYWORD, KEYWORD, OTHER, OTHER], np.int8)
    sure, doubtful, other, alike = targets(kinds, np.array([1, 0.1, 0, 0.6], np.float32))
    assert sure[KEYWORD] > 0.95
    assert other[OTHER] > 0.95
    assert doubtful[KEYWORD] < 0.5 < doubtful[OTHER] + doubtful[KEYWORD]
    assert 0.3 < alike[KEYWORD] < 0.5


def test_a_head_on_the_embedding_knows_the_keyword_but_not_by_heart():
    rng = np.random.default_rng(2)
    keras.utils.set_random_seed(2)
    kinds = rng.integers(2, size=2000).astype(np.int8)
    impressions = rng.normal(size=(2000, 8)).astype(np.float32)
    impressions[:, 0] += np.where(kinds == KEYWORD, 4, 0)
    mistaken = np.arange(20)
    labels = kinds.copy()
    labels[mistaken] = 1 - kinds[mistaken]
    found = opinions(impressions, labels)
    assert ((found > 0.5) == (kinds == KEYWORD)).mean() > 0.95
    assert ((found[mistaken] > 0.5) == (kinds[mistaken] == KEYWORD)).mean() > 0.8


def test_impressions_are_principal_components():
    rng = np.random.default_rng(0)
    hidden = rng.standard_normal((500, 3))
    embeddings = (hidden @ rng.standard_normal((3, 192))).reshape(500, 2, 96)
    made = Impressions(embeddings, components=3)(embeddings)
    assert made.shape == (500, 3)
    # They span what made the embeddings, are uncorrelated, and say the same of a part alone.
    fitted = made @ np.linalg.lstsq(made, hidden, rcond=None)[0]
    np.testing.assert_allclose(fitted, hidden - hidden.mean(axis=0), atol=0.05)
    correlations = np.corrcoef(made.T) - np.eye(3)
    assert np.abs(correlations).max() < 1e-3
    np.testing.assert_allclose(Impressions(embeddings, 3)(embeddings[:7]), made[:7], atol=1e-5)


def test_a_network_learns_the_keyword_and_finds_it_in_recordings():
    rng = np.random.default_rng(1)
    keras.utils.set_random_seed(1)
    examples = beeps(600, rng)
    network = networks.build(PLAN, 3)
    told = []
    known = Impressions(examples.embeddings, 8)(examples.embeddings)
    fit(network, PLAN, examples, known, 10, 1e-2, lambda epoch, loss: told.append(epoch))
    assert told == list(range(1, 11))
    fresh = beeps(100, rng)
    answers = network.predict(fresh.features.astype(np.float32), verbose=0).argmax(axis=1)
    assert (answers == fresh.kinds).mean() > 0.95
    assert set(answers) == {KEYWORD, OTHER}

    recordings = [beep(400, rng, 40000), beep(400, rng, 3000), beep(500, rng, 40000)]
    recordings[2][16000:28000] = beep(1200, rng, 12000)
    found = mine(network, PLAN, recordings, 4)
    assert found.shape == (4, PLAN.samples)
    likeness = np.abs(np.fft.rfft(found[0])).argmax() * 16000 / PLAN.samples
    assert abs(likeness - 1200) < 5


def test_a_phrase_that_cannot_be_said_is_refused(tmp_path, capsys):
    assert main(["new-keyword", "!?", "--out", str(tmp_path / "x")]) == 2
    assert "no word to say" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_too_few_recordings_are_refused(tmp_path, capsys, monkeypatch):
    pytest.importorskip("espeakng_loader")
    from kws import new_keyword

    monkeypatch.setattr(new_keyword.voices, "available", lambda: False)
    monkeypatch.setattr(new_keyword, "near_misses", lambda phrase, count: ["bop"])
    (tmp_path / "mine").mkdir()
    arguments = ["new-keyword", "beep", "--clips", "2", "--out", str(tmp_path / "x")]
    assert main([*arguments, "--recordings", str(tmp_path / "mine")]) == 2
    assert "at least three" in capsys.readouterr().err

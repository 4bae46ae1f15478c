"""A training that is also asked for the speech embedding, on tones. About 5 seconds."""

import dataclasses

import numpy as np
import pytest

from kws import training
from kws.corpus import variations
from kws.corpus.embedding import COMPONENTS, Impressions
from kws.recipe import parse
from tests.tones import RECIPE, write_corpus


class Ear:
    """Stands for the speech embedding: a coarse spectrum."""

    def __call__(self, clips: np.ndarray) -> np.ndarray:
        power = np.abs(np.fft.rfft(clips))[:, : 96 * 80].reshape(len(clips), 1, 96, 80)
        return np.log(power.mean(axis=3) + 1e-3)


@pytest.fixture
def plan(tmp_path, monkeypatch):
    for module in (variations, training):
        monkeypatch.setattr(module, "SpeechEmbedding", Ear)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_corpus(tmp_path / "clips", 16)
    plan = parse(RECIPE)
    schedule = dataclasses.replace(plan.training, impressions=1.0, epochs=2)
    return dataclasses.replace(plan, training=schedule)


def test_epochs_hold_what_is_asked_beside_the_words(plan, tmp_path):
    clips, _, noise = training.load_corpus(plan, tmp_path / "clips", None)
    varied = variations.Variations(clips, plan, noise)
    epochs = training.Epochs(plan, varied)
    features, (targets, impressions) = epochs[0]
    plain = dataclasses.replace(plan.training, impressions=0.0)
    same, labels = training.Epochs(dataclasses.replace(plan, training=plain), varied)[0]
    np.testing.assert_array_equal(features, same)
    np.testing.assert_array_equal(targets, labels)
    of_all = Impressions(varied.embeddings(0))(varied.embeddings(0))
    for row in impressions[:5]:  # each is that of a clip, whatever the order
        assert np.abs(of_all - row).max(axis=1).min() < 1e-4
    assert impressions.shape == (len(targets), COMPONENTS)


def test_what_is_kept_answers_the_words_alone(plan, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    text = RECIPE.replace("[training]", "[training]\nimpressions = 1.0")
    (run / "recipe.toml").write_text(text, encoding="utf-8")
    network = training.train(run, tmp_path / "clips")
    assert len(network.outputs) == 1
    assert network.output_shape[-1] == 4
    kept = training.load_network(run)
    features = np.random.default_rng(0).normal(size=(2, *network.input_shape[1:]))
    np.testing.assert_array_equal(kept(features), network(features))
    history = training._read_history(run)
    assert {"accuracy", "val_accuracy"} <= set(history[0])

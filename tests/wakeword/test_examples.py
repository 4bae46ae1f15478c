"""Examples of scenes: what is drawn, its features and its labels."""

import numpy as np
import pytest

from kws.datasets.noise import Noise
from kws.frontend.log_mel import FrontEnd
from kws.wakeword.examples import KEYWORD, OTHER, SILENCE, SpokenWords, as_audio, draw_examples
from kws.wakeword.scenes import Scenes
from tests.training.embeddings import Embedding, beep

pytest.importorskip("pyroomacoustics")
SAMPLES = 17600
RNG = np.random.default_rng(0)
WORDS = SpokenWords([beep(1500, RNG, 8000)], [beep(700, RNG, 6400)])


@pytest.fixture(scope="module")
def scenes():
    return Scenes(SAMPLES, [beep(300, RNG, 80000)], Noise(), rooms=3)


def test_the_same_seed_draws_the_same_examples(scenes):
    frontend = FrontEnd()
    one, same, other = (
        draw_examples(WORDS, scenes, frontend, Embedding(), 60, seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one.features, same.features)
    np.testing.assert_array_equal(one.labels, same.labels)
    np.testing.assert_array_equal(one.embeddings, same.embeddings)
    assert one.embeddings.shape == (60, 5, 96)
    assert (one.features != other.features).any()
    assert one.features.shape == (60, frontend.frames_in(SAMPLES), frontend.bands)
    assert set(one.labels) <= {KEYWORD, OTHER, SILENCE}
    assert 5 < (one.labels == KEYWORD).sum() < 35
    audio = as_audio(one)
    assert len(audio.whole) == len(audio.embeddings) == len(audio.features) // 8
    assert audio.whole.sum() == one.embeddings.shape[0] * one.embeddings.shape[1]


def test_examples_are_features_of_the_scenes(scenes, monkeypatch):
    sounds = []
    monkeypatch.setattr(
        scenes, "of_speech", lambda rng: sounds.append(scenes.of_noise(rng)) or sounds[-1]
    )
    examples = draw_examples(WORDS, scenes, FrontEnd(), Embedding(), 40, 3)
    expected = FrontEnd().features(np.stack(sounds))
    others = examples.features[examples.labels == OTHER].astype(np.float32)
    for features in expected:
        assert np.abs(others - features).max(axis=(1, 2)).min() < 0.02

"""Misses at a rate of false alarms, on sounds whose answer is known."""

import numpy as np
import pytest
import soundfile

from kws import recipe
from kws.studies.spotting import Room, Tape, babble
from tests.tones import tone


class Louder:
    """A network that takes what is loud in its upper bands for the word "high"."""

    def predict_on_batch(self, features):
        high = features[:, :, 12:].mean((1, 2)) - features[:, :, :12].mean((1, 2))
        share = 1 / (1 + np.exp(-high))
        return np.stack([share, 1 - share, 0 * share, 0 * share], axis=1)


@pytest.fixture
def clips(tmp_path):
    for word in ("high", "low"):
        (tmp_path / word).mkdir()
        for k in range(4):
            soundfile.write(tmp_path / word / f"s{k}_nohash_0.wav", tone(word, k), 16000)
    names = [f"{word}/s{k}_nohash_0.wav" for word in ("high", "low") for k in range(4)]
    (tmp_path / "validation_list.txt").write_text("\n".join(names))
    return tmp_path


def test_misses_of_a_known_answer(clips, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    background = tmp_path / "background"
    background.mkdir()
    rng = np.random.default_rng(0)
    soundfile.write(background / "hiss.wav", 0.01 * rng.normal(size=20 * 16000), 16000)
    plan = recipe.parse('[data]\nwords = ["high", "low"]\nseconds = 0.3\n')
    tape = Tape(plan, clips, [background], Room("quiet"))
    found = tape.misses(Louder(), rate=1.0)
    assert found["high"]["clips"] == found["low"]["clips"] == 4
    assert found["high"]["missed"] == found["low"]["missed"] == 0
    assert found["high"]["hours"] == pytest.approx((20 + 4 / 3) / 3600, abs=6e-4)
    again = Tape(plan, clips, [background], Room("quiet")).misses(Louder(), rate=1.0)
    assert again == found, "the second time from what was kept"
    loud = Tape(plan, clips, [background], Room("babble", clips / "high", -20.0))
    assert loud.misses(Louder(), rate=1.0)["low"]["missed"] > found["low"]["missed"]


def test_babble_is_as_loud_as_said():
    rng = np.random.default_rng(1)
    voices = [rng.normal(0, level, 4000).astype(np.float32) for level in (0.01, 1, 0.3)]
    mixed = babble(voices, 50_000, rng)
    assert mixed.shape == (50_000,)
    assert np.sqrt(np.mean(mixed**2)) == pytest.approx(1, rel=1e-3)

"""Scenes, examples and altered speakers. About 10 seconds."""

import numpy as np
import pytest

from kws import audio
from kws.datasets.noise import Noise
from kws.frontend.log_mel import FrontEnd
from kws.synthesis.voice_conversion import convert_voice
from kws.wakeword.examples import KEYWORD, OTHER, SILENCE, SpokenWords, draw_examples
from kws.wakeword.scenes import Scenes

pytest.importorskip("pyroomacoustics")
SAMPLES = 17600


def tone(hertz: float, seconds: float) -> np.ndarray:
    time = np.arange(int(seconds * audio.RATE)) / audio.RATE
    return (0.5 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def ear(sounds: np.ndarray) -> np.ndarray:
    """Stands for the speech embedding: the sounds' own loudness."""
    return np.abs(sounds).mean(axis=1)[:, None, None] * np.ones((1, 2, 96), np.float32)


@pytest.fixture(scope="module")
def scenes():
    return Scenes(SAMPLES, [tone(300, 5)], Noise(), rooms=3)


def share(sound: np.ndarray, hertz: float) -> float:
    """Of the power, what lies within a sixth of a frequency."""
    power = np.abs(np.fft.rfft(sound)) ** 2
    near = np.abs(np.fft.rfftfreq(len(sound), 1 / audio.RATE) / hertz - 1) < 1 / 6
    return power[near].sum() / power.sum()


def test_scenes_are_windows_of_sound(scenes):
    rng = np.random.default_rng(0)
    word = tone(1500, 0.5)
    kinds = [scenes.with_word, scenes.with_part]
    for _ in range(20):
        made = [kind(word, rng) for kind in kinds] + [scenes.of_speech(rng), scenes.of_noise(rng)]
        for scene in made:
            assert scene.shape == (SAMPLES,)
            assert scene.dtype == np.float32
            assert np.isfinite(scene).all()
            assert np.abs(scene).max() <= 1


def test_the_word_is_in_the_scene_that_says_so(scenes):
    rng = np.random.default_rng(1)
    with_word = [share(scenes.with_word(tone(1500, 0.5), rng), 1500) for _ in range(60)]
    without = [share(scenes.of_speech(rng), 1500) for _ in range(60)]
    assert np.median(with_word) > 10 * np.median(without)


def test_levels_reach_from_quiet_to_loud(scenes):
    rng = np.random.default_rng(2)
    peaks = [np.abs(scenes.with_word(tone(1500, 0.5), rng)).max() for _ in range(80)]
    assert min(peaks) < 0.03
    assert max(peaks) > 0.5


def test_some_words_stand_in_silence_and_some_in_noise(scenes):
    """How far the quietest 30 ms lie below the loudest, in decibels."""
    rng = np.random.default_rng(4)
    depths = []
    for _ in range(200):
        blocks = scenes.with_word(tone(1500, 0.5), rng)[: SAMPLES // 480 * 480].reshape(-1, 480)
        power = np.square(blocks, dtype=np.float64).mean(axis=1)
        depths.append(10 * np.log10(power.max() / max(power.min(), 1e-14)))
    assert np.mean(np.array(depths) > 57) > 0.15
    assert np.mean(np.array(depths) < 40) > 0.3


def test_the_same_seed_draws_the_same_examples(scenes):
    words = SpokenWords([tone(1500, 0.5)], [tone(700, 0.4)])
    frontend = FrontEnd()
    one, same, other = (draw_examples(words, scenes, frontend, ear, 60, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.features, same.features)
    np.testing.assert_array_equal(one.kinds, same.kinds)
    np.testing.assert_array_equal(one.embeddings, same.embeddings)
    assert one.embeddings.shape == (60, 2, 96)
    assert (one.features != other.features).any()
    assert one.features.shape == (60, frontend.frames_in(SAMPLES), frontend.bands)
    assert set(one.kinds) <= {KEYWORD, OTHER, SILENCE}
    assert 5 < (one.kinds == KEYWORD).sum() < 35


def test_examples_are_features_of_the_scenes(scenes, monkeypatch):
    sounds = []
    monkeypatch.setattr(
        scenes, "of_speech", lambda rng: sounds.append(scenes.of_noise(rng)) or sounds[-1]
    )
    made = draw_examples(
        SpokenWords([tone(1500, 0.5)], [tone(700, 0.4)]), scenes, FrontEnd(), ear, 40, 3
    )
    expected = FrontEnd().features(np.stack(sounds))
    others = made.features[made.kinds == OTHER].astype(np.float32)
    for features in expected:
        assert np.abs(others - features).max(axis=(1, 2)).min() < 0.02


def test_another_speaker_says_it_at_another_pitch_and_pace():
    pytest.importorskip("pyworld")
    voice = sum(tone(150 * k, 0.6) / k for k in range(1, 12))
    lengths, pitches = [], []
    for seed in range(8):
        made = convert_voice(voice, np.random.default_rng(seed))
        assert made.dtype == np.float32
        assert np.isfinite(made).all()
        lengths.append(len(made) / len(voice))
        middle = made[len(made) // 4 : -len(made) // 4]
        spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 1 << 16))
        cepstrum = np.fft.irfft(np.log(spectrum + 1e-6))
        pitches.append(audio.RATE / (40 + np.argmax(cepstrum[40:300])))
    assert 0.75 < min(lengths) < max(lengths) < 1.35
    assert max(lengths) - min(lengths) > 0.1
    assert max(pitches) / min(pitches) > 1.2

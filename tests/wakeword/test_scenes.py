"""Scenes: windows of sound with a word, of other speech, and of noise."""

import numpy as np
import pytest

from kws import audio
from kws.datasets.noise import Noise
from kws.wakeword.scenes import Scenes

pytest.importorskip("pyroomacoustics")
SAMPLES = 17600


def tone(hertz: float, seconds: float) -> np.ndarray:
    time = np.arange(int(seconds * audio.RATE)) / audio.RATE
    return (0.5 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


@pytest.fixture(scope="module")
def scenes():
    return Scenes(SAMPLES, [tone(300, 5)], Noise(), rooms=3)


def share(sound: np.ndarray, hertz: float) -> float:
    """Share of the power within a sixth of a frequency."""
    power = np.abs(np.fft.rfft(sound)) ** 2
    near = np.abs(np.fft.rfftfreq(len(sound), 1 / audio.RATE) / hertz - 1) < 1 / 6
    return power[near].sum() / power.sum()


def test_scenes_are_windows_of_sound(scenes):
    rng = np.random.default_rng(0)
    word = tone(1500, 0.5)
    for _ in range(20):
        with_it = [scenes.with_word(word, rng), scenes.with_part(word, rng)]
        for scene in [*with_it, scenes.of_speech(rng), scenes.of_noise(rng)]:
            assert scene.shape == (SAMPLES,)
            assert scene.dtype == np.float32
            assert np.isfinite(scene).all()
            assert np.abs(scene).max() <= 1


def test_the_word_is_in_scenes_with_it_and_not_in_others(scenes):
    rng = np.random.default_rng(1)
    with_word = [share(scenes.with_word(tone(1500, 0.5), rng), 1500) for _ in range(60)]
    without = [share(scenes.of_speech(rng), 1500) for _ in range(60)]
    assert np.median(with_word) > 10 * np.median(without)


def test_levels_reach_from_quiet_to_loud(scenes):
    rng = np.random.default_rng(2)
    peaks = [np.abs(scenes.with_word(tone(1500, 0.5), rng)).max() for _ in range(80)]
    assert min(peaks) < 0.03
    assert max(peaks) > 0.5


def test_some_words_are_in_silence_and_some_in_noise(scenes):
    """How far the quietest 30 ms lie below the loudest, in decibels."""
    rng = np.random.default_rng(4)
    depths = []
    for _ in range(200):
        blocks = scenes.with_word(tone(1500, 0.5), rng)[: SAMPLES // 480 * 480].reshape(-1, 480)
        power = np.square(blocks, dtype=np.float64).mean(axis=1)
        depths.append(10 * np.log10(power.max() / max(power.min(), 1e-14)))
    assert np.mean(np.array(depths) > 57) > 0.15
    assert np.mean(np.array(depths) < 40) > 0.3

"""Levels: where a word begins and ends, how loud it is, and what is wrong with it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws.audio.levels import loudness, speech_end, speech_fault, trim


def test_loudness_is_that_of_the_loudest_tenth_of_a_second():
    clips = np.zeros((2, 16000), np.float32)
    clips[0, 3200:4800] = 0.5
    clips[1, :800] = 0.1
    np.testing.assert_allclose(loudness(clips), [0.5, 0.1 / np.sqrt(2)], rtol=1e-6)
    assert loudness(clips[0]) == pytest.approx(0.5)
    assert loudness(np.full(400, 0.2, np.float32)) == pytest.approx(0.1)  # padded to 1600


@settings(max_examples=40, deadline=None)
@given(
    before=st.integers(0, 8000),
    word=st.integers(2000, 9000),
    after=st.integers(0, 8000),
    loudness=st.floats(0.05, 0.9),
)
def test_trim_finds_a_word_wherever_it_stands(before, word, after, loudness):
    rng = np.random.default_rng(word)
    tone = loudness * np.sin(np.arange(word) * 0.2)
    samples = np.concatenate([np.zeros(before), tone, np.zeros(after)])
    samples += 1e-4 * loudness * rng.standard_normal(len(samples))
    left = trim(samples.astype(np.float32))
    assert word - 320 <= len(left) <= word + 2 * 480 + 320
    assert np.abs(left).max() == pytest.approx(loudness, rel=0.02)


def test_trim_drops_a_click_long_after_the_word():
    samples = np.zeros(16000, np.float32)
    samples[3000:8000] = np.sin(np.arange(5000) * 0.2)
    samples[14000:14050] = 0.5
    assert len(trim(samples)) < 6500


def test_faults_are_told_apart():
    word = np.zeros(16000, np.float32)
    word[4000:9000] = 0.5 * np.sin(np.arange(5000) * 0.2) * np.hanning(5000)
    assert speech_fault(word) is None
    assert speech_fault(np.zeros(16000, np.float32)) == "silent"
    assert speech_fault(word[:50]) == "silent"
    assert speech_fault(np.clip(8 * word, -1, 1)) == "clipped"
    assert speech_fault(np.where(np.arange(16000) < 4500, word, 0)) == "too short"
    assert speech_fault(np.random.default_rng(0).normal(0, 0.1, 16000)) == "no silence around it"


def test_speech_ends_with_the_last_loud_frame():
    clip = 0.003 * np.random.default_rng(1).standard_normal(16000)
    clip[4000:8800] += 0.3 * np.sin(np.arange(4800) * 0.2)
    assert speech_end(clip.astype(np.float32)) == pytest.approx(0.55, abs=0.011)
    assert speech_end(np.zeros(1600, np.float32)) == 0.1
    assert speech_end(np.zeros(3, np.float32)) == 3 / 16000

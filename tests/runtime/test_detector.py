"""Detections, with a stand-in for the network."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws.frontend.log_mel import FrontEnd
from kws.native import op_library
from kws.runtime.detector import Detector
from kws.utils.console import note_once
from tests import tones
from tests.runtime.stand_ins import ToneModel


def recording(*places: tuple[str, float], seconds: float = 6.0) -> np.ndarray:
    """Words at their times in faint noise, float32."""
    audio = 0.001 * np.random.default_rng(3).standard_normal(int(16000 * seconds))
    for word, at in places:
        tone = tones.tone(word, seed=1)
        start = int(at * 16000)
        audio[start : start + len(tone)] += tone
    return audio.astype(np.float32)


PLACES = (("low", 1.0), ("high", 2.2), ("other", 3.4), ("low", 4.6))


def detect(audio: np.ndarray, sizes=(1600,)) -> list:
    detector = Detector(ToneModel())
    found, at, k = [], 0, 0
    while at < len(audio):
        found += detector.feed(audio[at : at + sizes[k % len(sizes)]])
        at += sizes[k % len(sizes)]
        k += 1
    return found + detector.finish()


def test_finds_the_words_at_their_times_and_once():
    found = detect(recording(*PLACES))
    assert [d.keyword for d in found] == ["low", "high", "low"]
    for detection, at in zip(found, (1.0, 2.2, 4.6), strict=True):
        assert abs(detection.time - (at + 1 / 6)) < 0.05  # the middle of the tone
        assert at < detection.decided < at + 1.2
        assert 0.7 <= detection.score <= 1


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 9000), min_size=1, max_size=8))
def test_chunks_do_not_matter(sizes):
    audio = recording(*PLACES)
    assert detect(audio, sizes) == detect(audio, [len(audio)])


def test_a_word_at_the_very_start_and_the_very_end():
    audio = recording(("low", 0.0), ("high", 2.66), seconds=3.0)
    assert [d.keyword for d in detect(audio)] == ["low", "high"]


def test_a_long_tone_is_reported_again_only_after_the_refractory_time():
    audio = np.concatenate([tones.tone("low", 1)] * 12)
    times = [d.time for d in detect(audio)]
    assert len(times) >= 1
    assert all(b - a >= 0.7 for a, b in pairwise(times))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_broken_samples_are_survived(bad):
    audio = recording(*PLACES)
    audio[100:200] = bad
    # A burst of infinities is a loud click, which the stand-in may take for a low tone.
    assert [d.keyword for d in detect(audio) if d.time > 0.6] == ["low", "high", "low"]


@pytest.mark.parametrize("audio", [np.zeros(32000), np.zeros(0), np.zeros(1)])
def test_silence_and_next_to_nothing(audio):
    assert detect(audio.astype(np.float32)) == []


def test_trace_and_scores():
    detector = Detector(ToneModel(), trace=True)
    detector.feed(recording(*PLACES))
    times = [time for time, _ in detector.trace]
    np.testing.assert_allclose(np.diff(times), 0.04, atol=1e-9)
    np.testing.assert_array_equal(detector.trace[-1][1], detector.scores)
    assert detector.scores.sum() == pytest.approx(1, abs=1e-5)


def test_without_the_library_numpy_computes_the_features_and_a_note_says_so_once(
    monkeypatch, capsys
):
    monkeypatch.setattr("kws.frontend.native.op_library", lambda: None)
    note_once.cache_clear()
    assert Detector(ToneModel()).frontend_used == "numpy"
    assert [d.keyword for d in detect(recording(*PLACES))] == ["low", "high", "low"]
    assert capsys.readouterr().err.count("op library is not built") == 1


@pytest.mark.skipif(op_library() is None, reason="the op library was not built")
def test_with_the_library_there_is_no_note(capsys):
    note_once.cache_clear()
    assert Detector(ToneModel()).frontend_used == "native"
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(op_library() is None, reason="the op library was not built")
def test_a_front_end_that_the_library_refuses_is_numpys_and_a_note_says_why(capsys):
    note_once.cache_clear()
    model = ToneModel()
    model.frontend = FrontEnd(floor=1e-40)  # ln of that is no float32 number's
    assert Detector(model).frontend_used == "numpy"
    assert "floor" in capsys.readouterr().err

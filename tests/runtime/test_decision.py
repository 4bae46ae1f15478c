"""Posteriors become peaks: properties that must hold whatever the posteriors are."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from kws.labels import SILENCE, UNKNOWN
from kws.runtime.decision import Decision

LABELS = ["yes", "no", UNKNOWN, SILENCE]
STEP_S = 0.04


def posteriors():
    shape = st.tuples(st.integers(0, 80), st.just(len(LABELS)))
    return arrays.arrays(np.float32, shape, elements=st.floats(0, 1, width=32))


def decide(scores, **settings) -> tuple[list, np.ndarray]:
    """The peaks, and the averages at every step."""
    decision = Decision(LABELS, 40.0, **settings)
    peaks, averages = [], []
    for k, row in enumerate(scores):
        peak = decision.push(k * STEP_S, row)
        averages.append(decision.scores)
        if peak:
            peaks.append(peak)
    return peaks, np.array(averages).reshape(-1, len(LABELS))


@given(posteriors(), st.sampled_from([0, 40, 100, 200]))
def test_scores_are_means_of_the_latest_steps(scores, smoothing_ms):
    _, averages = decide(scores, smoothing_ms=smoothing_ms)
    span = max(1, -(-smoothing_ms // 40))
    for k, average in enumerate(averages):
        expected = scores[max(0, k + 1 - span) : k + 1].astype(np.float64).mean(axis=0)
        np.testing.assert_allclose(average, expected, atol=1e-6)


@settings(max_examples=200)
@given(posteriors(), st.floats(0.05, 0.95), st.floats(0.05, 0.95), st.integers(0, 1200))
def test_what_is_reported_is_a_peak_above_its_threshold(scores, yes, no, refractory_ms):
    thresholds = {"yes": yes, "no": no}
    settings = {"smoothing_ms": 80.0, "refractory_ms": refractory_ms, "thresholds": thresholds}
    peaks, averages = decide(scores, **settings)
    for peak in peaks:
        step, label = round(peak.time / STEP_S), LABELS.index(peak.keyword)
        assert peak.score == averages[step, label] >= thresholds[peak.keyword]
        after = averages[step + 1, label] if step + 1 < len(averages) else 0
        assert after <= peak.score
    for keyword in thresholds:
        times = [peak.time for peak in peaks if peak.keyword == keyword]
        assert all(b - a > refractory_ms / 1000 for a, b in pairwise(times))


@given(posteriors())
def test_a_word_above_its_threshold_is_reported_unless_the_stream_ends(scores):
    scores = np.concatenate([scores, np.zeros((8, len(LABELS)), np.float32)])
    peaks, averages = decide(scores, thresholds={"yes": 0.5, "no": 0.5})
    assert bool(peaks) == bool((averages[:, :2] >= 0.5).any())


@given(posteriors(), posteriors())
def test_a_higher_threshold_finds_nothing_where_a_lower_one_finds_nothing(scores, more):
    scores = np.concatenate([scores, more])
    low, _ = decide(scores, thresholds={"yes": 0.4, "no": 0.4})
    high, _ = decide(scores, thresholds={"yes": 0.8, "no": 0.8})
    assert low or not high


def test_a_plateau_is_reported_once_and_again_after_the_refractory_time():
    scores = np.zeros((100, 4), np.float32)
    scores[10:60, 0] = 0.9
    peaks, _ = decide(scores, smoothing_ms=0, refractory_ms=750)
    assert [round(peak.time / STEP_S) for peak in peaks] == [10, 30, 50]


def test_a_keyword_in_its_refractory_time_does_not_hide_another():
    scores = np.zeros((20, 4), np.float32)
    scores[3, 0], scores[6, 0], scores[6, 1] = 0.9, 0.95, 0.8
    peaks, _ = decide(scores, smoothing_ms=0)
    assert [(peak.keyword, round(peak.time / STEP_S)) for peak in peaks] == [("yes", 3), ("no", 6)]


def test_a_keyword_below_its_own_threshold_does_not_hide_another():
    scores = np.zeros((20, 4), np.float32)
    scores[6] = [0.8, 0.75, 0, 0]
    peaks, _ = decide(scores, smoothing_ms=0, thresholds={"yes": 0.9})
    assert [peak.keyword for peak in peaks] == ["no"]


def test_no_number_passes_no_threshold():
    scores = np.full((20, 4), np.nan, np.float32)
    scores[15:] = [0.9, 0, 0, 0]
    peaks, _ = decide(scores, smoothing_ms=80)
    assert [round(peak.time / STEP_S) for peak in peaks] == [16]

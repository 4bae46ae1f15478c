"""Reports at a threshold against the detector's; matches against their definition."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws.evaluation.decisions import GRACE, KeywordScores, Trigger, match
from kws.evaluation.posteriors import Posteriors
from kws.evaluation.streams import Segment
from kws.evaluation.systems import KwsSystem
from kws.runtime.decision import Decision
from kws.runtime.detector import Detector
from kws.runtime.model import Model
from tests.conftest import ROOT
from tests.evaluation.stand_ins import STEP_S, ToneSystem, posteriors_of

# Sums of these are exact in float32, whatever their order, so that ties are ties.
posterior = st.integers(0, 1024).map(lambda k: k / 1024)
scores_over_time = st.lists(posterior, min_size=1, max_size=120)


@settings(max_examples=200, deadline=None)
@given(scores_over_time, posterior.filter(bool), st.sampled_from([0, 40, 100, 200]))
def test_reports_are_those_of_the_decision(scores, threshold, smoothing_ms):
    system, one = ToneSystem(), posteriors_of(scores)
    reported = KeywordScores(system, one, "tone", smoothing_ms).triggers(threshold)
    decision = Decision(
        ["tone"], 1000 * STEP_S, {"tone": threshold}, smoothing_ms, system.refractory_ms
    )
    expected = []
    for time, scored in zip(one.times, one.scores, strict=True):
        if peak := decision.push(time, scored):
            expected.append(Trigger(peak.score, time))
    assert reported == expected


@pytest.mark.parametrize("threshold", [0.3, 0.8])
def test_reports_are_those_of_a_detector_with_a_released_model(speech, threshold):
    """The detector has thresholds that only one word can pass."""
    path = ROOT / "models" / "quickstart" / "dense.tflite"
    system, model = KwsSystem(path), Model(path)
    others = {keyword: 2.0 for keyword in system.keywords}
    times, scores = system.stream().feed(np.tile(speech, 5))
    one = Posteriors(times, scores, [], 1.0, 0.0)
    for word in system.keywords:
        model.metadata["decision"] = {"thresholds": {**others, word: threshold}}
        expected = Detector(model).feed(np.tile(speech, 5))
        reported = KeywordScores(system, one, word).triggers(threshold)
        assert [round(d.score, 4) for d in reported] == pytest.approx([d.score for d in expected])
        peaks = [d.time - STEP_S for d in reported]
        assert peaks == pytest.approx([d.decided for d in expected], abs=1e-3)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 20), st.floats(0.1, 2), st.sampled_from("ab")), max_size=8),
    st.lists(st.floats(0, 25), max_size=12),
)
def test_matches_are_as_defined(recordings, times):
    segments = [
        Segment(Path("x"), word, start, start + length) for start, length, word in recordings
    ]
    triggers = [Trigger(0.5, time) for time in sorted(times)]
    first, false = match(triggers, segments, "a")
    own = [segment for segment in segments if segment.word == "a"]
    inside = [
        [t.time for t in triggers if segment.start <= t.time <= segment.end + GRACE]
        for segment in own
    ]
    assert [None if np.isnan(t) else t for t in first] == [min(i, default=None) for i in inside]
    hits = {time for found in inside for time in found}
    assert [t.time for t in false] == [t.time for t in triggers if t.time not in hits]

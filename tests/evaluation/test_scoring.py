"""Counting and rates against their definitions; a detector whose events are known."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws import audio
from kws.audio.levels import speech_end
from kws.cli.main import main
from kws.evaluation import conditions, decisions, keyword, posteriors, rates, streams
from kws.evaluation.decisions import GRACE, KeywordScores, Trigger
from kws.evaluation.posteriors import Posteriors
from kws.evaluation.rates import Point
from kws.evaluation.streams import Segment
from kws.evaluation.systems import KwsSystem
from kws.runtime.decision import Decision
from kws.runtime.detector import Detector
from kws.runtime.model import Model
from kws.utils.errors import KwsError
from tests import tones
from tests.conftest import ROOT

LOOK_S = 0.04


class Ideal:
    """Hears a tone of 500 Hz: its posterior is the share of that frequency in the last 0.2 s."""

    name, file, file_bytes, reports = "ideal", None, 0, "peak"
    labels = keywords = ("tone",)
    smoothing_ms, refractory_ms, thresholds = 80.0, 750.0, {}

    def stream(self):
        return self

    def __init__(self):
        self._heard, self._looks = np.zeros(0, np.float32), 0

    def feed(self, chunk):
        self._heard = np.concatenate([self._heard, chunk])
        hop, times, scores = int(LOOK_S * audio.RATE), [], []
        while (self._looks + 1) * hop <= len(self._heard):
            self._looks += 1
            at = self._looks * hop
            recent = self._heard[max(0, at - 3200) : at]
            wave = np.exp(2j * np.pi * 500 * np.arange(len(recent)) / audio.RATE)
            power = 2 * abs(recent @ wave) ** 2 / len(recent)
            times.append(at / audio.RATE)
            scores.append(power / (np.square(recent).sum() + 1e-3))
        return np.array(times), np.array(scores, np.float32).reshape(-1, 1)


def heard(scores, segments=(), seconds=None) -> Posteriors:
    times = LOOK_S * np.arange(1, len(scores) + 1)
    scores = np.array(scores, np.float32).reshape(-1, 1)
    return Posteriors(times, scores, list(segments), seconds or len(scores) * LOOK_S, 0.0)


# Sums of these are exact in float32, whatever their order, so that ties are ties.
posterior = st.integers(0, 1024).map(lambda k: k / 1024)
scores_over_time = st.lists(posterior, min_size=1, max_size=120)


@settings(max_examples=200, deadline=None)
@given(scores_over_time, posterior.filter(bool), st.sampled_from([0, 40, 100, 200]))
def test_reports_what_the_detector_does(scores, threshold, smoothing_ms):
    system, one = Ideal(), heard(scores)
    mine = KeywordScores(system, one, "tone", smoothing_ms).triggers(threshold)
    decision = Decision(
        ["tone"], 1000 * LOOK_S, {"tone": threshold}, smoothing_ms, system.refractory_ms
    )
    theirs = []
    for time, scored in zip(one.times, one.scores, strict=True):
        if peak := decision.push(time, scored):
            theirs.append(Trigger(peak.score, time))
    assert mine == theirs


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 20), st.floats(0.1, 2), st.sampled_from("ab")), max_size=8),
    st.lists(st.floats(0, 25), max_size=12),
)
def test_counts_as_defined(recordings, times):
    segments = [
        Segment(Path("x"), word, start, start + length) for start, length, word in recordings
    ]
    detections = [Trigger(0.5, time) for time in sorted(times)]
    first, false = decisions.match(detections, segments, "a")
    own = [segment for segment in segments if segment.word == "a"]
    inside = [
        [d.time for d in detections if segment.start <= d.time <= segment.end + GRACE]
        for segment in own
    ]
    assert [None if np.isnan(t) else t for t in first] == [min(i, default=None) for i in inside]
    hits = {time for found in inside for time in found}
    assert [d.time for d in false] == [d.time for d in detections if d.time not in hits]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 1000), min_size=30, max_size=300), st.floats(0.5, 20))
def test_the_curve_holds_the_best_threshold_of_every_rate(thousandths, rate):
    """Against trying a thousand thresholds."""
    background = KeywordScores(Ideal(), heard(np.array(thousandths) / 1000), "tone", 0)
    found = np.linspace(0.05, 0.95, 19)
    hours = 10 / rate

    def costs(threshold):
        return int((found < threshold).sum()), len(background.triggers(threshold))

    points = rates.sweep(background.peak_scores(rates.LEAST), costs, len(found), hours)
    best = rates.at_rate(points, rate, hours)
    assert best.false_alarms <= 10
    tried = [costs(t) for t in np.arange(10.5, 1001) / 1000]
    assert best.missed <= min((m for m, false in tried if false <= 10), default=len(found))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.builds(Point, st.floats(0, 1), st.integers(0, 9), st.integers(0, 9)), min_size=1)
)
def test_corners_are_all_that_counts(points):
    points = [Point(1.01, 9, 0), *points]
    kept = rates.corners(points)
    assert sorted(kept, key=lambda p: -p.missed) == kept
    for rate in range(10):
        assert rates.at_rate(kept, rate, 1.0) == rates.at_rate(points, rate, 1.0)


def test_exact_intervals_against_tables():
    # Garwood's table: 0 → (0, 3.689), 1 → (0.0253, 5.572), 10 → (4.795, 18.39).
    for events, low, high in [(0, 0, 3.689), (1, 0.0253, 5.572), (10, 4.795, 18.39)]:
        np.testing.assert_allclose(rates.fa_interval(events, 1.0), (low, high), rtol=1e-3)
    np.testing.assert_allclose(rates.fa_interval(1, 4.0), (0.00633, 1.393), rtol=1e-3)
    # The rule of three's exact form, 1 - 0.025^(1/n), and a textbook's 4 of 20.
    np.testing.assert_allclose(rates.frr_interval(0, 100), (0, 1 - 0.025 ** (1 / 100)), rtol=1e-6)
    np.testing.assert_allclose(rates.frr_interval(4, 20), (0.05733, 0.43661), rtol=1e-3)


@pytest.mark.parametrize(("hours", "claims"), [(10, "0.1 0.5 1"), (9.9, "0.5 1"), (0.5, "")])
def test_few_hours_claim_little(hours, claims):
    points = [Point(1.01, 20, 0), Point(0.5, 2, 3)]
    result = rates.summary(points, 20, hours)
    claimed = [rate for rate, one in result["intervals"].items() if one["enough_hours"]]
    assert claimed == claims.split()
    assert result["frr_at_fa_per_hour"]["1"] == (0.1 if hours >= 3 else 1.0)


def tone_at(segments, seconds: float) -> np.ndarray:
    time = np.arange(int(0.3 * audio.RATE)) / audio.RATE
    samples = 0.003 * np.random.default_rng(1).standard_normal(int(seconds * audio.RATE))
    for at, hertz in segments:
        start = int(at * audio.RATE)
        samples[start : start + len(time)] += 0.3 * np.sin(2 * np.pi * hertz * time)
    return samples.astype(np.float32)


def test_known_events(tmp_path):
    """Three tones of four, one of them short of its frequency; two false ones in a background."""
    for name, hertz in [("a", 500), ("b", 500), ("c", 500), ("d", 800)]:
        audio.write(tmp_path / f"{name}.wav", tone_at([(0.2, hertz)], 0.7))
    (tmp_path / "speech" / "deep").mkdir(parents=True)
    audio.write(
        tmp_path / "speech" / "deep" / "e.flac", tone_at([(3, 500), (9, 800), (20, 500)], 30)
    )
    system = Ideal()
    words = streams.KeywordStream(
        sorted(tmp_path.glob("*.wav")), "tone", conditions.Condition("clean")
    )
    [background] = streams.background_streams([audio.survey(tmp_path / "speech")])
    positives = posteriors.stream_posteriors(system, words)
    other = posteriors.stream_posteriors(Ideal(), background)
    assert other.hours == pytest.approx(30 / 3600)
    found = keyword.KeywordPosteriors(system, "tone", {"clean": positives}, other)
    result = keyword.score_keyword(found)
    assert (result["positives"], result["hours"]) == (4, pytest.approx(30 / 3600, abs=1e-4))
    assert result["det"][-1]["frr"] == 0.25
    heard_there = KeywordScores(system, other, "tone").triggers(0.7)
    assert [round(d.time) for d in heard_there] == [3, 20]
    # The tone ends 0.5 s into its recording; it is reported within the average and a look.
    looks = KeywordScores(system, positives, "tone")
    first, _ = decisions.match(looks.triggers(0.7), positives.segments, "tone")
    ends = np.array([segment.word_end for segment in positives.segments])
    assert np.isnan(first).tolist() == [False, False, False, True]
    assert np.nanmax(np.abs(first - ends)) <= 0.16


@pytest.mark.parametrize("threshold", [0.3, 0.8])
def test_a_model_is_scored_as_it_detects(speech, threshold):
    """The real detector, told to report one word only, says the same at the same times."""
    system = KwsSystem(ROOT / "models" / "quickstart" / "dense.tflite")
    model = Model(system._model.path)
    others = {keyword: 2.0 for keyword in system.keywords}
    for word in system.keywords:
        model.metadata["decision"] = {"thresholds": {**others, word: threshold}}
        theirs = Detector(model).feed(np.tile(speech, 5))
        stream = system.stream()
        times, scores = stream.feed(np.tile(speech, 5))
        one = Posteriors(times, scores, [], 1.0, 0.0)
        mine = KeywordScores(system, one, word).triggers(threshold)
        assert [round(d.score, 4) for d in mine] == pytest.approx([d.score for d in theirs])
        reported = [d.time - LOOK_S for d in mine]
        assert reported == pytest.approx([d.decided for d in theirs], abs=1e-3)


def test_the_end_of_a_word():
    clip = tone_at([(0.25, 500)], 1.0)
    assert speech_end(clip) == pytest.approx(0.55, abs=0.011)
    assert speech_end(np.zeros(1600, np.float32)) == 0.1
    assert speech_end(np.zeros(3, np.float32)) == 3 / 16000


def test_a_condition_keeps_the_clip_in_its_place():
    clip = tone_at([(0.2, 500)], 0.7)
    rng = np.random.default_rng(0)
    clean = conditions.Condition("clean").apply(clip, 1.0, 0.5, rng)
    assert len(clean) == len(clip) + 24000
    np.testing.assert_allclose(clean[16000 : 16000 + len(clip)], clip, atol=1e-3)
    [noisy] = [c for c in conditions.conditions(None, [0.0], far=False) if c.noise]
    staged = noisy.apply(clip, 1.0, 0.5, rng)
    tone_power = 0.3**2 / 2
    assert np.mean(np.square(staged[:16000])) == pytest.approx(tone_power, rel=0.5)


def test_background_tapes_hold_every_recording_once(tmp_path):
    for k, seconds in enumerate([0.5, 3, 0.1, 8, 2, 2, 1]):
        audio.write(tmp_path / f"{k}.wav", tone_at([], seconds))
    chosen = streams.background_streams([audio.survey(tmp_path)], seconds=4)
    assert [path.name for tape in chosen for path in tape.paths] == [f"{k}.wav" for k in range(7)]
    assert len(chosen) > 2
    (tmp_path / "empty").mkdir()
    with pytest.raises(KwsError, match="no recordings"):
        streams.background_streams([audio.survey(tmp_path / "empty")])


def test_streams_side_by_side_are_as_one():
    one = heard([0.1, 0.9, 0.2], [Segment(Path("x"), "tone", 0.0, 0.1, 0.05)])
    both = posteriors.concatenate([one, one])
    assert len(both.times) == 6
    assert (np.diff(both.times) > 0).all()
    assert both.segments[1].word_end == pytest.approx(0.05 + one.seconds + 10)
    assert both.hours == pytest.approx(2 * one.hours)


@pytest.fixture(scope="module")
def scored(trained, tmp_path_factory):
    """The command's result for a trained model of tones, on two processes."""
    folder = tmp_path_factory.mktemp("scored")
    for k in range(4):
        (folder / "low").mkdir(exist_ok=True)
        audio.write(folder / "low" / f"{k}.wav", tones.tone("low", seed=k))
        (folder / "other").mkdir(exist_ok=True)
        audio.write(folder / "other" / f"{k}.ogg", tone_at([(1, 3000), (4, 2500)], 8))
    result = folder / "low.json"
    arguments = ["--keyword", "low", "--positives", str(folder / "low"), "--no-far", "--snr", "10"]
    arguments += ["--background", str(folder / "other"), "--json", str(result)]
    model = trained / "run" / "dense.tflite"
    if not model.exists():
        model = trained / "run" / "custom.tflite"
    assert main(["score", str(model), *arguments, "--fit", "0.5"]) == 0
    return model, arguments, result


def test_the_command(scored, capsys):
    model, arguments, file = scored
    result = json.loads(file.read_text())
    assert result["positives"] == 4
    assert result["hours"] == pytest.approx(32 / 3600, abs=1e-3)
    assert set(result["frr_at_fa_per_hour"]) == {"0.1", "0.5", "1"}
    assert set(result["conditions"]) == {"clean", "noise 10 dB"}
    assert not result["intervals"]["0.1"]["enough_hours"]
    assert result["decision"]["thresholds"]["low"] <= 1
    assert result["made_by"]["command"].startswith("kws")
    assert main(["score", str(model), *arguments]) == 2
    assert "--force" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (["--keyword", "jarvis"], "does not know the keyword"),
        (["--positives", "nowhere"], "no such folder"),
        (["--clips", "x"], "not both"),
        (["--write"], "--fit"),
        (["--fit", "0"], "above 0"),
    ],
)
def test_wrong_requests(scored, change, says, capsys):
    model, arguments, _ = scored
    assert main(["score", str(model), *arguments, "--force", *change]) == 2
    message = capsys.readouterr().err
    assert says in message
    assert message.count("\n") == 1


def test_every_word_of_a_model_on_joined_clips(scored, trained, tmp_path):
    model, _, _ = scored
    file = tmp_path / "words.json"
    arguments = ["--clips", str(trained / "clips"), "--json", str(file), "--processes", "1"]
    assert main(["score", str(model), *arguments]) == 0
    result = json.loads(file.read_text())
    assert set(result["words"]) == {"low", "high"}
    assert all(word["positives"] == 10 for word in result["words"].values())
    assert result["clips"] == 30
    shares = [word["frr_at_fa_per_hour"]["1"] for word in result["words"].values()]
    assert result["frr_at_fa_per_hour"]["1"] == pytest.approx(np.mean(shares), abs=1e-4)
    assert file.with_suffix(".html").read_text().startswith("<!doctype html>")

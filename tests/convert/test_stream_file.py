"""A streaming .tflite at work: scores, streams that take turns, and detections."""

import tracemalloc

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws import audio, networks, recipe
from kws.convert.convert import convert
from kws.datasets import clips
from kws.runtime.detector import Detector
from kws.runtime.model import Model
from kws.tflite.metadata import write_metadata
from kws.utils.errors import KwsError

PLAN = recipe.parse(
    """
[data]
words = ["low", "high"]
seconds = 0.5
[network]
channels = 12
blocks = 2
kernel = 3
rank = 2
"""
)
LABELS = ["low", "high", "_unknown_", "_silence_"]


@pytest.fixture(scope="module")
def network() -> keras.Model:
    keras.utils.set_random_seed(3)
    made = networks.build(PLAN.network, PLAN.shape, len(LABELS))
    rng = np.random.default_rng(0)
    made.set_weights([w + rng.uniform(0, 0.3, w.shape) for w in made.get_weights()])
    return made


def written(path, data: bytes, **metadata) -> Model:
    description = {"labels": LABELS, "frontend": PLAN.frontend.to_dict(), **metadata}
    path.write_bytes(write_metadata(data, description))
    return Model(path)


def streaming(network, path, frames=4, lowering="custom", quantize="none", features=None) -> Model:
    data = convert(
        network, lowering=lowering, quantize=quantize, representative=features, frames=frames
    ).data
    return written(path, data, stream={"frames": frames}, frames=PLAN.frames)


@pytest.fixture(scope="module")
def model(network, tmp_path_factory) -> Model:
    return streaming(network, tmp_path_factory.mktemp("stream") / "stream.tflite")


def random_features(*shape) -> np.ndarray:
    return np.random.default_rng(5).normal(-4, 3, (*shape, 40)).astype(np.float32)


@pytest.mark.parametrize("lowering", ["custom", "dense", "builtin"])
@pytest.mark.parametrize(
    ("quantize", "tolerance"),
    [("none", 1e-5), ("float16", 3e-3), ("dynamic", 0.03), ("compact", 0.03), ("int8", 0.1)],
)
def test_a_window_scores_as_in_keras(network, tmp_path, lowering, quantize, tolerance):
    features = random_features(6, PLAN.frames)
    model = streaming(network, tmp_path / "m.tflite", 4, lowering, quantize, features)
    np.testing.assert_allclose(model(features), network(features), atol=tolerance)


@pytest.mark.parametrize("frames", [2, 6, 14])
def test_every_step_scores_its_window(network, tmp_path, frames):
    model = streaming(network, tmp_path / "m.tflite", frames)
    running, features = model.stream(), random_features(4 * PLAN.frames)
    silence = np.full((PLAN.frames, 40), np.log(PLAN.frontend.floor), np.float32)
    heard = np.concatenate([silence, features])
    ends = range(frames, len(features) + 1, frames)
    scores = [running(features[end - frames : end]) for end in ends]
    windows = np.stack([heard[end : end + PLAN.frames] for end in ends])
    np.testing.assert_allclose(scores, network(windows), atol=1e-5)


def test_streams_take_turns_without_disturbing_each_other(model):
    one, other = random_features(2, 80)
    expected = [run_through(model.stream(), features) for features in (one, other)]
    streams, got = [model.stream(), model.stream()], [[], []]
    for start in range(0, 80, 4):
        for k, features in enumerate((one, other)):
            got[k].append(streams[k](features[start : start + 4]))
        model(random_features(PLAN.frames))  # and a clip in between
    np.testing.assert_array_equal(got, expected)


def run_through(running, features) -> list[np.ndarray]:
    return [running(features[k : k + 4]) for k in range(0, len(features), 4)]


def test_a_file_with_missing_states_is_refused(network, tmp_path):
    data = convert(network, lowering="custom").data
    with pytest.raises(KwsError, match="streaming"):
        written(tmp_path / "m.tflite", data, stream={"frames": 4}, frames=PLAN.frames)


def test_a_windowed_file_has_no_streams(network, tmp_path):
    with pytest.raises(KwsError, match="--streaming"):
        written(tmp_path / "m.tflite", convert(network, lowering="custom").data).stream()


def noisy(seconds: float, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    loudness = np.repeat(rng.uniform(0, 0.3, int(seconds * 10) + 1), 1600)
    samples = int(16000 * seconds)
    return (rng.standard_normal(samples) * loudness[:samples]).astype(np.float32)


def detect(model: Model, samples: np.ndarray, sizes=(1600,), threshold=0.3) -> list:
    detector = Detector(model, threshold)
    found, at, k = [], 0, 0
    while at < len(samples):
        found += detector.feed(samples[at : at + sizes[k % len(sizes)]])
        at += sizes[k % len(sizes)]
        k += 1
    return found + detector.finish()


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(1, 40000), min_size=1, max_size=6))
def test_chunks_do_not_matter(model, sizes):
    samples = noisy(6)
    expected = detect(model, samples, [len(samples)])
    assert expected
    assert detect(model, samples, sizes) == expected


def test_chunks_of_a_sample(model):
    samples = noisy(2)
    assert detect(model, samples, [1]) == detect(model, samples, [16]) == detect(model, samples)


def test_the_windowed_file_detects_the_same(network, model, tmp_path):
    windowed = written(tmp_path / "w.tflite", convert(network, lowering="custom").data)
    samples = noisy(8)
    ours, theirs = detect(model, samples), detect(windowed, samples)
    assert [(d.time, d.keyword, d.decided) for d in ours] == [
        (d.time, d.keyword, d.decided) for d in theirs
    ]
    np.testing.assert_allclose([d.score for d in ours], [d.score for d in theirs], atol=2e-4)


def test_settings_come_from_the_file_and_can_be_overruled(network, tmp_path):
    data = convert(network, lowering="custom", frames=4).data
    thresholds = {"low": 0.99, "high": 0.3}
    saved = {"smoothing_ms": 80.0, "refractory_ms": 3000.0, "thresholds": thresholds}
    about = {"stream": {"frames": 4}, "frames": PLAN.frames}
    quiet = written(tmp_path / "a.tflite", data, decision=saved, **about)
    plain = written(tmp_path / "b.tflite", data, **about)
    samples = noisy(8)

    def found(model, **settings) -> list:
        detector = Detector(model, **settings)
        return detector.feed(samples) + detector.finish()

    settings = {"smoothing_ms": 80.0, "refractory_ms": 3000.0}
    expected = found(plain, threshold=0.3, **settings)
    assert {d.keyword for d in expected} == {"low", "high"} or expected
    assert found(quiet, threshold=0.3) == expected
    assert {d.keyword for d in found(quiet)} <= {"high"}


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
def test_after_broken_samples_it_hears_as_before(model, bad):
    samples = noisy(8)
    broken = samples.copy()
    broken[1000:1200] = bad
    detector, healthy = Detector(model, 0.3, trace=True), Detector(model, 0.3, trace=True)
    detector.feed(broken)
    healthy.feed(samples)
    assert np.isfinite([scores for _, scores in detector.trace]).all()
    for (_, got), (_, expected) in list(zip(detector.trace, healthy.trace, strict=True))[30:]:
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(48000),
        np.full(48000, 0.4),
        np.full(48000, 1e-3),
        np.zeros(0),
        np.clip(100 * noisy(3), -1, 1),
    ],
    ids=["silence", "a constant", "a small constant", "nothing", "clipped"],
)
def test_what_is_no_speech_gives_finite_scores(model, samples):
    detector = Detector(model, trace=True)
    detector.feed(samples.astype(np.float32))
    detector.finish()
    assert np.isfinite([scores for _, scores in detector.trace]).all()


def test_memory_does_not_grow(model):
    detector, chunk = Detector(model), noisy(10)
    for _ in range(3):
        detector.feed(chunk)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(30):
        detector.feed(chunk)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 20_000


def test_a_trained_network_streams_as_it_classifies(trained):
    windowed, streamed = (Model(trained / "run" / f"{n}.tflite") for n in ("custom", "stream"))
    paths = audio.find(trained / "clips")[::9]
    for path in paths:
        samples = clips.fit(audio.read(path), 16000)
        features = windowed.frontend.features(samples)
        np.testing.assert_allclose(streamed(features), windowed(features), atol=1e-5)
    samples = np.concatenate([np.pad(audio.read(path), (8000, 8000)) for path in paths])
    found = [[(d.keyword, d.time) for d in detect(m, samples)] for m in (windowed, streamed)]
    assert found[0]
    assert found[0] == found[1]

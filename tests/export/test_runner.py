"""The device's spotter and runner against Python's detector, on real speech (about 20 s)."""

import ctypes
import json
import platform
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from kws import audio
from kws.benchmark.tflite_library import tflite_library
from kws.benchmark.toolchain import build
from kws.frontend.log_mel import FrontEnd
from kws.runtime.decision import Decision
from kws.runtime.detector import Detector
from kws.runtime.model import Model
from kws.tflite.metadata import write_metadata
from kws.utils.errors import KwsError
from tests import tones
from tests.conftest import QUICKSTART, ROOT
from tests.tiny_tflite import OpGraph

MODELS = ROOT / "models" / "quickstart"


@dataclass(frozen=True)
class Device:
    """What is built of export/ for this machine, and TFLite's C library."""

    runner: Path
    spotter: Path
    test: Path
    tflite: Path

    def run(self, *arguments, **options) -> subprocess.CompletedProcess:
        command = [self.runner, *arguments, "--tflite-lib", self.tflite]
        return subprocess.run(list(map(str, command)), capture_output=True, **options)

    def report(self, *arguments, **options) -> dict:
        run = self.run(*arguments, **options)
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout)


@pytest.fixture(scope="session")
def device() -> Device:
    if shutil.which("cmake") is None:
        pytest.skip("no cmake here")
    wheel = find_spec("pymicro_wakeword")  # it ships one
    given = wheel and Path(wheel.origin).parent / "lib" / "libtensorflowlite_c.so"
    try:
        tflite = tflite_library(platform.machine(), given)
    except KwsError as error:
        pytest.skip(f"no TFLite C library: {error}")
    folder = build("host", ["kws_runner", "kws_spotter_shared", "test_runner"])
    return Device(
        folder / "kws_runner", folder / "libkws_spotter.so", folder / "test_runner", tflite
    )


@pytest.fixture(scope="session")
def recording(tmp_path_factory) -> Path:
    """Bundled words with pauses over faint noise, about 40 s."""
    rng = np.random.default_rng(5)
    pieces = []
    for path in sorted(QUICKSTART.glob("*/*.opus"))[::80]:
        pieces += [np.zeros(int(rng.integers(4000, 9000)), np.float32), audio.read(path)]
    samples = np.concatenate(pieces)
    samples += 0.002 * rng.standard_normal(len(samples)).astype(np.float32)
    path = tmp_path_factory.mktemp("recording") / "words.wav"
    soundfile.write(path, np.clip(samples, -1, 1), audio.RATE, subtype="PCM_16")
    return path


def python_detections(model: Path, recording: Path) -> list:
    detector = Detector(Model(model))
    found = []
    for block in audio.blocks(recording):
        found += detector.feed(block)
    return found + detector.finish()


def assert_same_detections(found: list[dict], expected: list) -> None:
    assert [d["keyword"] for d in found] == [d.keyword for d in expected]
    for ours, theirs in zip(found, expected, strict=True):
        assert ours["decided"] == theirs.decided
        assert ours["time"] == pytest.approx(theirs.time, abs=0.002)
        assert ours["score"] == pytest.approx(theirs.score, abs=1e-3)


@pytest.mark.parametrize("name", ["custom", "dense", "stream-compact"])
def test_detections_are_those_of_python(device, recording, name):
    model = MODELS / f"{name}.tflite"
    expected = python_detections(model, recording)
    assert len(expected) >= 5
    assert_same_detections(device.report(model, recording)["detections"], expected)


def test_a_streaming_file_gives_them_too(device, trained, tmp_path):
    samples = 0.002 * np.random.default_rng(1).standard_normal(16000 * 12)
    for k in range(9):
        word = tones.tone(list(tones.HERTZ)[k % 3], seed=100 + k)
        samples[8000 + 20000 * k :][: len(word)] += word
    soundfile.write(tmp_path / "tones.wav", samples, audio.RATE, subtype="PCM_16")
    model = trained / "run" / "stream.tflite"
    expected = python_detections(model, tmp_path / "tones.wav")
    assert expected
    report = device.report(model, tmp_path / "tones.wav")
    assert_same_detections(report["detections"], expected)
    assert report["step_ms"] < report["window_ms"]


def test_standard_input_and_other_forms_of_the_same_audio(device, recording, tmp_path):
    model = MODELS / "custom.tflite"
    expected = device.report(model, recording)["detections"]
    samples, rate = soundfile.read(recording, dtype="int16")
    soundfile.write(tmp_path / "float.wav", samples / np.float32(32768), rate, subtype="FLOAT")
    assert device.report(model, tmp_path / "float.wav")["detections"] == expected
    assert device.report(model, "-", input=recording.read_bytes())["detections"] == expected
    assert device.report(model, "-", input=samples.tobytes())["detections"] == expected


def test_report_tells_what_a_model_costs(device, recording):
    model = MODELS / "custom.tflite"
    report = device.report(model, "--no-audio", "--repeats", "60", "--threads", "1")
    assert report["file_bytes"] == model.stat().st_size
    assert report["audio_seconds"] == pytest.approx(60 * report["step_ms"] / 1000)
    latency = report["latency_us"]
    assert latency["count"] == 60 - latency["warm_up"]
    assert 0 < latency["min"] <= latency["median"] <= latency["p99"] <= latency["max"]
    called = [op for op in report["ops"] if "in" not in op]
    assert report["ops_us"] == pytest.approx(sum(op["us"] for op in called), abs=0.05)
    assert all(op["us"] > 0 for op in called)
    assert 0 < report["xnnpack_ops"] < report["model_ops"]
    assert report["peak_resident_bytes"] > report["resident_before_model_bytes"] > 0
    assert report["arena_bytes"] > 0
    assert report["versions"]["tflite"].startswith("2.")

    plain = device.report(model, "--no-audio", "--repeats", "60", "--plain")
    assert plain["xnnpack_ops"] == 0
    assert {op["op"] for op in plain["ops"]} >= {"KwsToeplitzLike", "DEPTHWISE_CONV_2D"}


def test_nothing_is_allocated_and_chunks_do_not_matter(device):
    run = subprocess.run(
        [device.test, device.tflite, MODELS / "custom.tflite"], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr


def refusal(device: Device, *arguments, **options) -> tuple[int, str]:
    run = device.run(*arguments, **options)
    assert run.stdout == b""
    *_, line = [line for line in run.stderr.decode().splitlines() if not line.startswith("INFO")]
    return run.returncode, line


def test_refusals_are_one_line(device, recording, tmp_path):
    model = MODELS / "custom.tflite"
    assert refusal(device, tmp_path / "none.tflite", recording)[0] == 2
    assert refusal(device, model)[0] == 2
    assert refusal(device, model, recording, "--threads", "many")[0] == 2
    code, line = refusal(device, model, tmp_path / "none.wav")
    assert code == 2
    assert line.startswith("kws_runner: ")
    damaged = bytearray(model.read_bytes())
    damaged[1000] ^= 1
    (tmp_path / "damaged.tflite").write_bytes(damaged)
    code, line = refusal(device, tmp_path / "damaged.tflite", recording)
    assert code == 1
    assert "damaged" in line
    soundfile.write(tmp_path / "stereo.wav", np.zeros((99, 2)), 44100)
    assert "16 kHz mono" in refusal(device, model, tmp_path / "stereo.wav")[1]
    bare = {"PATH": "/usr/bin"}
    run = subprocess.run([device.runner, model, recording], capture_output=True, env=bare)
    assert run.returncode == 2
    assert b"--tflite-lib" in run.stderr


class Detection(ctypes.Structure):
    """``kws_detection`` of detector.h."""

    _fields_ = (
        ("time", ctypes.c_double),
        ("decided", ctypes.c_double),
        ("score", ctypes.c_float),
        ("label", ctypes.c_int),
    )


LABELS = ("yes", "no", "_unknown_", "go")
WINDOW, STRIDE = 10, 4  # frames


class DetectorInC:
    """``kws_detector`` of a file that describes how to decide, and holds no network."""

    def __init__(self, library: Path, decision: dict):
        self._c = ctypes.CDLL(str(library))
        self._c.kws_detector_bytes.restype = ctypes.c_size_t
        self._c.kws_detector_init.restype = ctypes.c_void_p
        self._c.kws_detector_look.restype = ctypes.c_bool
        self._c.kws_model_file_read.restype = ctypes.c_bool
        self._c.kws_detector_scores.restype = ctypes.POINTER(ctypes.c_float * len(LABELS))
        data = write_metadata(OpGraph().file(), {"labels": LABELS, "decision": decision})
        self._file, message = ctypes.create_string_buffer(1 << 16), ctypes.create_string_buffer(256)
        size = ctypes.c_size_t(len(data))
        read = self._c.kws_model_file_read(data, size, self._file, message, ctypes.c_size_t(256))
        assert read, message.value
        self._memory = ctypes.create_string_buffer(
            self._c.kws_detector_bytes(self._file, WINDOW, STRIDE)
        )
        at = self._c.kws_detector_init(self._memory, self._file, WINDOW, STRIDE)
        self._detector = ctypes.c_void_p(at)
        self._silence = (ctypes.c_float * 40)(*[-9.0] * 40)

    def look(self, posteriors) -> Detection | None:
        for _ in range(STRIDE):
            self._c.kws_detector_frame(self._detector, self._silence)
        numbers, found = (ctypes.c_float * len(LABELS))(*posteriors), Detection()
        complete = self._c.kws_detector_look(self._detector, numbers, ctypes.byref(found))
        return found if complete else None

    def scores(self) -> list[float]:
        return list(self._c.kws_detector_scores(self._detector).contents)


some_scores = st.sampled_from([0.001, 0.25, 0.5, 0.6999999, 0.7, 0.75, 0.9, 1.0, float("nan")])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(*[some_scores] * len(LABELS)), max_size=60),
    st.sampled_from([0.0, 40.0, 100.0, 200.0]),
    st.sampled_from([0.0, 80.0, 750.0]),
    st.dictionaries(st.sampled_from(LABELS), st.floats(0, 1)),
)
def test_decides_as_python_does(device, looks, smoothing_ms, refractory_ms, thresholds):
    settings = {"smoothing_ms": smoothing_ms, "refractory_ms": refractory_ms}
    theirs = DetectorInC(device.spotter, {**settings, "thresholds": thresholds})
    fe = FrontEnd()
    ours = Decision(LABELS, STRIDE * fe.hop_ms, thresholds, **settings)
    for look, posteriors in enumerate(looks, start=1):
        now = fe.samples_in(look * STRIDE) / fe.rate
        peak = ours.push(now, np.array(posteriors, np.float32))
        found = theirs.look(posteriors)
        np.testing.assert_array_equal(np.float32(theirs.scores()), np.float32(ours.scores))
        assert (peak is None) == (found is None)
        if peak:
            assert (LABELS[found.label], found.decided) == (peak.keyword, peak.time)
            assert found.score == np.float32(peak.score)

"""The adb target, from end to end against a real adbd, and what it says to adb's states."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kws.benchmark.targets.adb import choose_device
from kws.tflite.inspect import inspect_model
from kws.utils.errors import KwsError
from tests.benchmark import adbd
from tests.conftest import ROOT

MODEL = ROOT / "models" / "quickstart" / "custom.tflite"


@pytest.fixture(scope="module")
def happened(tmp_path_factory, own_cache) -> dict:
    """What tests/benchmark/adbd_session.py reports."""
    if reason := adbd.unavailable():
        pytest.skip(reason)
    # Not the tests' own cache: fetching takes longer than the tests.
    folder = Path(os.environ.get("KWS_ADBD") or ROOT / "build" / "adbd")
    try:
        root = adbd.fetch(folder)
    except subprocess.CalledProcessError:
        pytest.skip("adbd cannot be fetched")
    model = tmp_path_factory.mktemp("adb") / "model.tflite"
    shutil.copy(MODEL, model)
    # Built and fetched here, since there is no network where the session runs.
    from kws.benchmark.targets.bundle import bundle

    bundle("x86_64")
    mine = not Path("/data").exists()
    Path("/data").mkdir(exist_ok=True)
    command = ["unshare", "--net", "--mount", sys.executable, "-m", "tests.benchmark.adbd_session"]
    try:
        run = subprocess.run([*command, root, model], capture_output=True, text=True, cwd=ROOT)
    finally:
        if mine:
            Path("/data").rmdir()
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_a_model_is_measured(happened):
    report, (row,) = happened["report"], happened["rows"]
    assert report["file_bytes"] == MODEL.stat().st_size
    assert happened["name"] == "adb:127.0.0.1:5555"
    assert len(row["latency_us_rounds"]) == 2
    assert row["model_ops"] == len(inspect_model(MODEL.read_bytes()))
    assert len(row["ops"]) >= row["model_ops"] - row["xnnpack_ops"]
    assert happened["conditions"]["load"] >= 0


def test_only_what_changed_is_sent(happened):
    assert {"kws_runner", "libtensorflowlite_c.so", "libc.so.6"} <= set(happened["sent"])
    assert happened["sent_again"] == []
    assert happened["sent_to_kept"] == []


def test_nothing_is_left_behind(happened):
    assert happened["held"]
    assert [name for name, there in happened.items() if name.startswith("left") and there] == []


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("none", ["sees no device", "USB debugging"]),
        ("several", ["several devices", "127.0.0.1:5555", "--target adb:SERIAL"]),
        ("unknown", ["no-such-phone", "127.0.0.1:5555"]),
        ("damaged", ["damaged"]),
        ("full", ["no room left"]),
        ("unplugged", ["127.0.0.1:5555", "went away"]),
        ("died", ["127.0.0.1:5555", "went away"]),
    ],
)
def test_trouble_is_one_clear_line(happened, what, words):
    said = happened[what]
    assert said
    assert "\n" not in said
    assert [word for word in words if word not in said] == []


@pytest.mark.parametrize(
    ("state", "advice"),
    [
        ("unauthorized", "accept the key"),
        ("offline", "plug it in again"),
        ("no permissions (user in plugdev group; are your udev rules wrong?)", "udev"),
        ("rescue", "cannot be used"),
    ],
)
def test_states_of_a_device(state, advice):
    with pytest.raises(KwsError, match=advice):
        choose_device({"R5CT": state}, None)
    assert choose_device({"R5CT": state, "emulator-5554": "device"}, "emulator-5554")

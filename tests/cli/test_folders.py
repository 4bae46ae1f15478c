"""Commands follow links in folders, and say on one line a folder what they read and left out."""

import json

import numpy as np
import pytest

from kws import audio
from kws.cli.main import main
from kws.recipe import parse
from kws.wakeword import make
from tests import tones


@pytest.fixture
def folders(tmp_path):
    """Real recordings, and folders of links to them with a broken link in each."""
    tones.write_corpus(tmp_path / "real", clips=4)
    links = tmp_path / "clips"
    (links / "low").mkdir(parents=True)
    (links / "high").symlink_to(tmp_path / "real" / "high")
    for path in (tmp_path / "real" / "low").iterdir():
        (links / "low" / path.name).symlink_to(path)
    (links / "low" / "gone.wav").symlink_to("nowhere")
    (links / "validation_list.txt").symlink_to(tmp_path / "real" / "validation_list.txt")
    (tmp_path / "speech").mkdir()
    (tmp_path / "speech" / "other").symlink_to(tmp_path / "real" / "other")
    (tmp_path / "speech" / "gone").symlink_to("nowhere")
    return tmp_path


@pytest.fixture
def model(trained):
    return str(trained / "run" / "custom.tflite")


def notes(capsys) -> list[str]:
    lines = capsys.readouterr().err.splitlines()
    return [line for line in lines if ": read " in line]


def test_evaluate(model, folders, capsys):
    result = folders / "result.json"
    assert main(["evaluate", model, str(folders / "clips"), "--json", str(result)]) == 0
    assert json.loads(result.read_text())["clips"] == 8
    assert notes(capsys) == [
        f"kws: {folders}/clips: read 8 (high 4, low 4); left out 1: a broken link (1)"
    ]


def test_score_clips(model, folders, capsys):
    arguments = ["score", model, "--clips", str(folders / "clips"), "--processes", "1"]
    noise = ["--background", str(folders / "speech"), "--noise", str(folders / "speech")]
    assert main([*arguments, *noise]) == 0
    speech = f"kws: {folders}/speech: read 4; left out 1: a broken link (1)"
    assert notes(capsys) == [
        f"kws: {folders}/clips: read 2 (high 1, low 1); "
        "left out 7: a broken link (1), for training (6)",
        *(speech, speech),
    ]


def test_score_a_keyword(model, folders, capsys):
    arguments = ["score", model, "--keyword", "low", "--positives", str(folders / "clips" / "low")]
    noise = ["--background", str(folders / "speech"), "--noise", str(folders / "speech")]
    assert main([*arguments, *noise, "--snr", "10", "--no-far", "--processes", "1"]) == 0
    speech = f"kws: {folders}/speech: read 4; left out 1: a broken link (1)"
    assert notes(capsys) == [
        f"kws: {folders}/clips/low: read 4; left out 1: a broken link (1)",
        *(speech, speech),
    ]


def test_the_corpus_of_a_training(folders, capsys):
    from kws.training.dataset import load_corpus

    (folders / "made").symlink_to(folders / "clips")
    plan = parse(
        f'[data]\nwords = ["low"]\nnoise = "{folders}/speech"\n'
        f'negatives = "{folders}/speech"\nsynthetic = ["{folders}/made"]\n'
    )
    corpus = load_corpus(plan, folders / "clips")
    told = notes(capsys)
    speech = f"kws: {folders}/speech: read 4; left out 1: a broken link (1)"
    assert told[:2] == [
        f"kws: {folders}/clips: read 8 (high 4, low 4); left out 1: a broken link (1)",
        f"kws: {folders}/made: read 8; left out 1: a broken link (1)",
    ]
    assert told[3:] == [speech, speech]
    assert "low" in told[2]
    assert np.sum(corpus.training.synthetic) >= 8


def test_ranges_for_int8(trained, folders, capsys):
    (folders / "out").mkdir()
    arguments = ["export", str(trained / "run"), "--quantize", "int8"]
    out = ["--data", str(folders / "clips"), "--out", str(folders / "out" / "int8.tflite")]
    assert main([*arguments, *out]) == 0
    assert notes(capsys) == [
        f"kws: {folders}/clips: read 6 (high 3, low 3); "
        "left out 3: a broken link (1), for validation (2)"
    ]


def test_new_keyword(folders, capsys, monkeypatch):
    """What comes before the training and after it; the training reads no other folders."""
    out = folders / "made"
    (folders / "recordings").mkdir()
    for path in (folders / "real" / "low").iterdir():
        (folders / "recordings" / path.name).symlink_to(path)
    (out / "clips" / "espeak").mkdir(parents=True)
    (out / "clips" / "espeak" / "low").symlink_to(folders / "real" / "low")
    (folders / "recordings" / "gone.wav").symlink_to("nowhere")
    (out / make.NETWORK).write_text("trained before")
    monkeypatch.setattr(make.kokoro_files, "available", lambda: False)
    monkeypatch.setattr(make, "_synthesize", lambda *_: [])
    monkeypatch.setattr(make, "init_run", lambda *_, **__: None)
    monkeypatch.setattr(make, "_score", lambda *_: {"file_bytes": 1})
    speech = folders / "speech"
    make.make("low", out, background=[speech], noise=speech, recordings=folders / "recordings")
    assert len(audio.find(out / "tuning" / "positives")) == 2
    told = f"kws: {speech}: read 4; left out 1: a broken link (1)"
    assert notes(capsys) == [
        f"kws: {folders}/recordings: read 4; left out 1: a broken link (1)",
        *(told, told),
    ]

"""The command line: what works, and one clear line for what cannot."""

import io
import json
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import soxr

from kws import audio
from kws.cli.main import main
from tests import tones


def words(*names: str) -> np.ndarray:
    """Tones with pauses around them."""
    pause = np.zeros(12000, np.float32)
    spoken = [np.concatenate([tones.tone(name, k), pause]) for k, name in enumerate(names)]
    return np.concatenate([pause, *spoken])


@pytest.fixture
def model(trained):
    return trained / "run" / "custom.tflite"


@pytest.fixture
def fails(capsys):
    """Runs a command that must fail with one line on stderr; returns (code, line)."""

    def run(*arguments) -> tuple[int, str]:
        code = main([str(a) for a in arguments])
        written = capsys.readouterr()
        lines = [line for line in written.err.splitlines() if line]
        assert lines[-1].startswith("kws: ")
        assert len(lines) == 1, lines
        assert code in (1, 2)
        return code, lines[-1]

    return run


def test_help_of_every_command_has_an_example():
    for name in ("train", "export", "inspect", "evaluate", "detect", "listen", "synthesize"):
        shown = subprocess.run(
            [sys.executable, "-m", "kws", name, "--help"], capture_output=True, text=True
        )
        assert shown.returncode == 0
        assert "example:\n  kws" in shown.stdout


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
@pytest.mark.parametrize("channels", [1, 2])
def test_detect_takes_any_rate_and_channels(model, tmp_path, capsys, rate, channels):
    path = tmp_path / "talk.wav"
    samples = soxr.resample(words("low", "low"), audio.RATE, rate)
    soundfile.write(path, np.stack([samples] * channels, axis=1), rate)
    assert main(["detect", str(model), str(path), "--threshold", "0.2", "--json"]) == 0
    written = capsys.readouterr()
    found = [json.loads(line) for line in written.out.splitlines()]
    assert {line["keyword"] for line in found} <= {"low", "high"}
    assert {"file", "time", "keyword", "score", "decided"} == set(found[0])
    assert ("resampled" in written.err) == (rate != 16000)
    assert ("averaged" in written.err) == (channels == 2)


def test_detect_draws_a_picture_and_does_not_overwrite_it(model, tmp_path, fails, capsys):
    path, picture = tmp_path / "talk.wav", tmp_path / "talk.png"
    audio.write(path, words("low", "high"))
    assert main(["detect", str(model), str(path), "--picture", str(picture)]) == 0
    capsys.readouterr()
    assert picture.read_bytes()[:4] == b"\x89PNG"
    assert "--force" in fails("detect", model, path, "--picture", picture)[1]


def test_listen_hears_on_standard_input_what_detect_hears_in_a_file(
    model, tmp_path, capsys, monkeypatch
):
    samples = words("low", "high", "low")
    path = tmp_path / "talk.wav"
    audio.write(path, samples, subtype="PCM_16")
    assert main(["detect", str(model), str(path), "--threshold", "0.2", "--json"]) == 0
    expected = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    pcm = (audio.read(path) * 32768).astype("<i2").tobytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(pcm)))
    assert main(["listen", str(model), "-", "--threshold", "0.2", "--json"]) == 0
    heard = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert expected
    assert heard == [{k: v for k, v in line.items() if k != "file"} for line in expected]


@pytest.mark.parametrize(
    ("contents", "says"),
    [(None, "no such file"), (b"", "is empty"), (b"no sound" * 99, "not audio")],
    ids=["missing", "empty", "text"],
)
def test_detect_refuses_what_is_no_audio(model, tmp_path, fails, contents, says):
    path = tmp_path / "talk.wav"
    if contents is not None:
        path.write_bytes(contents)
    assert says in fails("detect", model, path)[1]


def test_a_truncated_recording(model, tmp_path, fails):
    path = tmp_path / "talk.wav"
    audio.write(path, words("low"))
    path.write_bytes(path.read_bytes()[:-999])
    assert "truncated" in fails("detect", model, path)[1]
    clips = tmp_path / "clips" / "low"
    clips.mkdir(parents=True)
    path.rename(clips / "talk.wav")
    assert "truncated" in fails("evaluate", model, tmp_path / "clips")[1]


def test_folders_that_are_no_clips(model, tmp_path, fails):
    assert "no such folder" in fails("evaluate", model, tmp_path / "nowhere")[1]
    assert "holds no clips" in fails("evaluate", model, tmp_path)[1]


def test_labels_the_model_does_not_know_count_as_unknown(model, tmp_path, capsys):
    (tmp_path / "giraffe").mkdir()
    audio.write(tmp_path / "giraffe" / "a.wav", tones.tone("other", 1))
    assert main(["evaluate", str(model), str(tmp_path), "--json", str(tmp_path / "f.json")]) == 0
    assert json.loads((tmp_path / "f.json").read_text())["per_class"]["_unknown_"]["clips"] == 1


def damage(data: bytes, how: str) -> bytes:
    middle = len(data) // 2
    return {
        "truncated": data[:middle],
        "one bit": data[:middle] + bytes([data[middle] ^ 4]) + data[middle + 1 :],
        "no metadata": data.replace(b'{"crc32"', b'{"crc33"'),
        "text": b"this is not a model" * 10,
        "empty": b"",
    }[how]


@pytest.mark.parametrize("how", ["truncated", "one bit", "no metadata", "text", "empty"])
@pytest.mark.parametrize("command", ["inspect", "detect", "evaluate"])
def test_damaged_and_foreign_models(model, trained, tmp_path, fails, how, command):
    broken = tmp_path / "model.tflite"
    broken.write_bytes(damage(model.read_bytes(), how))
    talk = tmp_path / "talk.wav"
    audio.write(talk, words("low"))
    rest = {"inspect": [], "detect": [talk], "evaluate": [trained / "clips"]}
    assert "model.tflite" in fails(command, broken, *rest[command])[1]


def test_a_missing_model(tmp_path, fails):
    assert fails("inspect", tmp_path / "nowhere.tflite")[0] == 2


def test_a_misspelt_recipe(tmp_path, fails):
    (tmp_path / "recipe.toml").write_text('[data]\nwords = ["a"]\n[training]\nepoch = 3\n')
    code, line = fails("train", tmp_path, "--data", tmp_path)
    assert code == 2
    assert "did you mean 'epochs'" in line


@pytest.mark.parametrize(
    "arguments",
    [[], ["dance"], ["detect"], ["detect", "m", "f", "--threshold", "2"], ["train", "x", "--fast"]],
    ids=["nothing", "unknown command", "missing arguments", "threshold", "unknown option"],
)
def test_wrong_use_exits_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    assert "usage: kws" in capsys.readouterr().err

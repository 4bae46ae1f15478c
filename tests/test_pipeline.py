"""From a recipe and clips to measured files, by the commands that a user gives."""

import json
import resource
import signal
import subprocess
import sys
import time

import numpy as np

from kws import audio
from kws.cli.main import main
from kws.datasets import clips
from tests import tones
from tests.recipes import train_on


def run(*arguments) -> int:
    return main([str(a) for a in arguments])


def test_a_run_describes_itself(trained):
    kept = {path.name for path in (trained / "run").iterdir()}
    assert kept == {
        "recipe.toml",
        "run.json",
        "history.json",
        "model.keras",
        "custom.tflite",
        "dense.tflite",
        "stream.tflite",
        "results.json",
        "confusion.png",
    }
    history = json.loads((trained / "run" / "history.json").read_text())
    assert len(history) == 30
    assert history[-1]["loss"] < history[0]["loss"]
    results = json.loads((trained / "run" / "results.json").read_text())
    assert results["validation"]["custom"]["clips"] == 40
    assert (
        results["validation"]["custom"]["confusion"] == results["validation"]["dense"]["confusion"]
    )
    sizes = [results["validation"][kind]["file_bytes"] for kind in ("custom", "dense")]
    assert sizes[0] < sizes[1]


def test_keras_custom_and_dense_agree(trained):
    from kws.runtime.model import Model
    from kws.training.run_folder import load_network

    network = load_network(trained / "run")
    custom, dense = (Model(trained / "run" / f"{kind}.tflite") for kind in ("custom", "dense"))
    for path in audio.find(trained / "clips")[::5]:
        features = custom.frontend.features(clips.fit(audio.read(path), 16000))
        expected = np.array(network(features[None]))[0]
        np.testing.assert_allclose(custom(features), expected, atol=1e-4)
        np.testing.assert_allclose(dense(features), expected, atol=1e-4)


def test_a_finished_training_is_shown_and_not_repeated(trained, capsys):
    before = (trained / "run" / "model.keras").stat().st_mtime_ns
    arguments = ["train", trained, "--data", trained / "clips", "--run", trained / "run"]
    assert run(*arguments, "--json") == 0
    assert json.loads(capsys.readouterr().out)["parameters"] > 0
    assert (trained / "run" / "model.keras").stat().st_mtime_ns == before


def test_another_recipe_cannot_use_the_run(trained, tmp_path, capsys):
    (tmp_path / "recipe.toml").write_text(tones.RECIPE.replace("rank = 2", "rank = 1"))
    assert run("train", tmp_path, "--data", trained / "clips", "--run", trained / "run") == 2
    assert "another recipe" in capsys.readouterr().err


def test_evaluate_counts_as_the_training_did(trained, tmp_path, capsys):
    out = tmp_path / "figures.json"
    model = trained / "run" / "custom.tflite"
    arguments = ["evaluate", model, trained / "clips", "--split", "validation", "--json", out]
    assert run(*arguments) == 0
    assert "accuracy" in capsys.readouterr().out
    figures = json.loads(out.read_text())
    trained_figures = json.loads((trained / "run" / "results.json").read_text())
    expected = trained_figures["validation"]["custom"]["confusion"]
    # The training's validation adds silence; the words are the same clips.
    assert figures["confusion"][:3] == expected[:3]
    assert figures["clips"] == 30
    assert set(figures["per_class"]) == {"low", "high", "_unknown_", "_silence_"}
    assert run(*arguments) == 2
    assert "--force" in capsys.readouterr().err


def test_inspect_shows_what_structure_saves(trained, capsys):
    assert run("inspect", trained / "run" / "custom.tflite", "--json") == 0
    layers = json.loads(capsys.readouterr().out)["layers"]
    mixes = [layer for layer in layers if layer["kind"] == "KwsToeplitzLike"]
    assert [(m["n"], m["rank"], m["parameters"]) for m in mixes] == [(80, 2, 320), (16, 2, 64)]
    assert [m["dense_parameters"] for m in mixes] == [80 * 16, 16 * 16]
    assert run("inspect", trained / "run" / "custom.tflite") == 0
    assert "KwsToeplitzLike" in capsys.readouterr().out


def test_export_refuses_to_overwrite(trained, tmp_path, capsys):
    out = tmp_path / "model.tflite"
    assert run("export", trained / "run", "--lowering", "dense", "--out", out) == 0
    assert out.read_bytes() == (trained / "run" / "dense.tflite").read_bytes()
    assert run("export", trained / "run", "--out", out) == 2
    assert "--force" in capsys.readouterr().err
    assert run("export", tmp_path / "nowhere") == 2


def test_a_killed_training_goes_on(trained, tmp_path, capsys):
    (tmp_path / "recipe.toml").write_text(tones.RECIPE.replace("epochs = 30", "epochs = 15"))
    arguments = ["train", tmp_path, "--data", trained / "clips", "--run", tmp_path / "run"]
    command = [sys.executable, "-m", "kws", *map(str, arguments)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        wait_for(tmp_path / "run" / "history.json", process)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = len(json.loads((tmp_path / "run" / "history.json").read_text()))
    assert 0 < done < 15
    assert not (tmp_path / "run" / "model.keras").exists()

    train_on(tmp_path / "run", trained / "clips")
    started = int(capsys.readouterr().err.split("going on after epoch ")[1].split()[0])
    assert started in (done, done + 1)
    assert len(json.loads((tmp_path / "run" / "history.json").read_text())) == 15
    assert (tmp_path / "run" / "model.keras").exists()
    assert not list((tmp_path / "run").glob(".*"))


def test_a_full_disk_is_one_line_and_leaves_no_half_files(trained, tmp_path):
    def limit_file_size():
        # What a full disk does to a write, for one process: the cache is filled already.
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    arguments = ["train", trained, "--data", trained / "clips", "--run", tmp_path / "run"]
    done = subprocess.run(
        [sys.executable, "-m", "kws", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit_file_size,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "make room" in done.stderr.splitlines()[-1]
    assert {p.name for p in (tmp_path / "run").iterdir()} <= {"recipe.toml", "history.json"}


def wait_for(path, process, seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None, "the training ended by itself"
        assert time.monotonic() < until
        time.sleep(0.02)


def test_data_that_does_not_fit_the_recipe(trained, tmp_path, capsys):
    (tmp_path / "recipe.toml").write_text(tones.RECIPE.replace('"high"', '"hihg"'))
    assert run("train", tmp_path, "--data", trained / "clips", "--run", tmp_path / "run") == 2
    assert "'hihg'" in capsys.readouterr().err
    assert run("train", trained, "--run", tmp_path / "other") == 2
    assert "--data DIR" in capsys.readouterr().err

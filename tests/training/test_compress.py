"""``kws compress`` on a trained network: smaller, fine-tuned, and ready to export."""

import json

import keras
import numpy as np
import pytest

from kws.cli.main import main
from kws.structured import ToeplitzLike, compress
from kws.training.run_folder import read_network
from kws.utils.errors import KwsError
from tests import tones
from tests.recipes import network_of, train_on


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips") / "clips"
    tones.write_corpus(folder, 12)
    return folder


@pytest.fixture
def dense(tmp_path):
    """A run folder with an (untrained) dense network of the tones' recipe."""
    text = tones.RECIPE.replace("rank = 2", 'structure = "dense"')
    (tmp_path / "recipe.toml").write_text(text)
    network_of(text, 4).save(tmp_path / "model.keras")
    return tmp_path


def run(*arguments) -> int:
    return main([str(a) for a in arguments])


def test_compress_fine_tune_and_export(dense, corpus, tmp_path, capsys):
    out, figures = tmp_path / "small" / "model.keras", tmp_path / "figures.json"
    arguments = ["compress", dense / "model.keras", "--rank", 1, "--data", corpus]
    assert run(*arguments, "--epochs", 1, "--out", out, "--json", figures) == 0
    shown = capsys.readouterr().out
    assert "block0_mix" in shown
    assert "fine-tuned" in shown
    result = json.loads(figures.read_text())
    assert result["bytes_after"] < result["bytes_before"]
    assert set(result["accuracy"]) == {"original", "compressed", "fine_tuned"}
    compressed = keras.saving.load_model(out)
    assert isinstance(compressed.get_layer("block0_mix"), ToeplitzLike)
    assert run("export", out.parent) == 0
    assert (out.parent / "custom.tflite").stat().st_size > 1000


def test_a_training_starts_from_a_dense_one(dense, corpus, tmp_path):
    text = tones.RECIPE.replace("epochs = 30", "epochs = 1\nlearning_rate = 1e-9")
    text = text.replace("rank = 2", "rank = 16")
    (tmp_path / "run").mkdir()
    recipe_file = tmp_path / "run" / "recipe.toml"
    recipe_file.write_text(f'{text}init_from = "{tmp_path}"\n')
    network = train_on(tmp_path / "run", corpus)
    started = keras.saving.load_model(dense / "model.keras")
    for name in ("block0_mix", "scores"):
        one, other = network.get_layer(name), started.get_layer(name)
        one = one.matrix() if name == "block0_mix" else one.kernel
        other = keras.ops.transpose(other.kernel) if name == "block0_mix" else other.kernel
        np.testing.assert_allclose(one, other, atol=1e-4)
    recipe_file.write_text(f'{text}init_from = "{tmp_path / "nobody"}"\n')
    (tmp_path / "run" / "model.keras").unlink()
    with pytest.raises(KwsError, match="init_from is not there"):
        train_on(tmp_path / "run", corpus)


def test_without_clips_nothing_is_fine_tuned(dense, capsys):
    assert run("compress", dense / "model.keras", "--rank", 1) == 0
    written = read_network(dense / "model.compressed.keras")
    expected = compress(read_network(dense / "model.keras"), rank=1).model
    for one, other in zip(written.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert run("compress", dense / "model.keras", "--rank", 1) == 2
    assert "--force" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("missing", "no such file"),
        ("damaged", "not a Keras model that can be loaded"),
        ("budget", "budget is too small"),
        ("name", "must end in .keras"),
        ("recipe", "fine-tuning needs the recipe"),
    ],
)
def test_what_cannot_be_compressed(dense, tmp_path, capsys, fault, message):
    model, options = dense / "model.keras", []
    if fault == "missing":
        model.unlink()
    elif fault == "damaged":
        model.write_bytes(b"nothing")
    elif fault == "name":
        options = ["--out", tmp_path / "out.txt"]
    elif fault == "recipe":
        (dense / "recipe.toml").unlink()
        options = ["--data", tmp_path]
    assert run("compress", model, "--budget", 10, *options) in (1, 2)
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("kws: ")
    assert message in lines[0]
    assert {path.suffix for path in tmp_path.iterdir()} <= {".keras", ".toml"}

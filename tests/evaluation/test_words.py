"""Every keyword of a model on joined clips."""

import json

import numpy as np
import pytest

from kws.cli.main import main
from kws.datasets.noise import Noise
from kws.evaluation.words import score_words
from tests.conftest import QUICKSTART, ROOT

MODEL = ROOT / "models" / "quickstart" / "dense.tflite"
WORDS = ("yes", "no", "bed")  # the model does not know the third


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """A folder with twelve bundled clips of each word, ten of them for validation."""
    folder, validation = tmp_path_factory.mktemp("clips"), []
    for word in WORDS:
        (folder / word).mkdir()
        for k, path in enumerate(sorted((QUICKSTART / word).glob("*.opus"))[:12]):
            (folder / word / path.name).symlink_to(path)
            if k < 10:
                validation.append(f"{word}/{path.name}")
    (folder / "validation_list.txt").write_text("\n".join(validation) + "\n")
    return folder


def test_the_command_scores_every_keyword(clips, tmp_path):
    file = tmp_path / "words.json"
    arguments = ["--clips", str(clips), "--json", str(file), "--processes", "1"]
    assert main(["score", str(MODEL), *arguments]) == 0
    result = json.loads(file.read_text())
    assert set(result["words"]) == {"yes", "no"}
    assert all(word["positives"] == 10 for word in result["words"].values())
    assert result["clips"] == 30
    shares = [word["frr_at_fa_per_hour"]["1"] for word in result["words"].values()]
    assert result["frr_at_fa_per_hour"]["1"] == pytest.approx(np.mean(shares), abs=1e-4)
    assert file.with_suffix(".html").read_text().startswith("<!doctype html>")


def test_more_words_are_missed_in_loud_noise(clips):
    quiet, loud = (
        score_words(str(MODEL), clips, noise=Noise(), snr_db=snr_db, processes=1)
        for snr_db in (20.0, -10.0)
    )
    assert quiet["frr_at_fa_per_hour"]["1"] < loud["frr_at_fa_per_hour"]["1"]

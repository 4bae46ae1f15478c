"""The released models on speech: the bundled clips, joined to a recording with pauses and noise."""

import json

import numpy as np
import pytest

from kws import audio
from kws.cli.main import main
from kws.datasets import clips
from kws.datasets.noise import Noise
from kws.evaluation.decisions import match
from kws.evaluation.streams import join_clips
from kws.runtime.detector import Detection
from kws.tflite.metadata import read_model
from tests.conftest import QUICKSTART, ROOT

RELEASED = sorted(ROOT.glob("models/*/*.tflite"))


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """A recording of 40 bundled validation clips, and the words' places in it."""
    rng = np.random.default_rng(1)
    found = [clip for clip in clips.scan(QUICKSTART) if clip.split == "validation"]
    chosen = [found[k] for k in rng.permutation(len(found))[:40]]
    samples, places = join_clips(chosen, Noise(), rng)
    path = tmp_path_factory.mktemp("joined") / "talk.wav"
    audio.write(path, samples)
    return path, places


def test_the_quickstart_model_finds_the_words_where_they_are(recording, capsys):
    path, places = recording
    assert main(["detect", str(ROOT / "models/quickstart/custom.tflite"), str(path), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    detections = [
        Detection(line["time"], line["keyword"], line["score"], line["decided"]) for line in lines
    ]
    words = ["yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go"]
    matched = [match([d for d in detections if d.keyword == w], places, w) for w in words]
    first = np.concatenate([first for first, _ in matched])
    assert len(first) > 20
    assert np.isfinite(first).sum() >= 0.7 * len(first)
    assert sum(len(false) for _, false in matched) <= 0.2 * len(places)


@pytest.mark.parametrize("path", RELEASED, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_every_released_file_runs_and_its_forms_agree(path, capsys):
    from kws.runtime.model import Model

    model = Model(path)
    reference = Model(path.with_name("dense.tflite"))
    compact = "recipe" not in read_model(path)[1]
    exact = path.stem in ("custom", "dense", "stream") and not compact
    tolerance = 1e-4 if exact else 0.15
    for clip in clips.scan(QUICKSTART)[::200]:
        features = model.frontend.features(clips.fit(audio.read(clip.path), model.samples))
        np.testing.assert_allclose(model(features), reference(features), atol=tolerance)


def test_the_figures_of_a_released_model_are_of_its_files():
    for results in ROOT.glob("models/*/results.json"):
        for name, figures in json.loads(results.read_text()).get("validation", {}).items():
            file = results.with_name(f"{name}.tflite")
            if file.exists():
                assert file.stat().st_size == figures["file_bytes"]

"""Studies: what a file may say, that they go on where they were stopped, table and front."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kws import audio, recipe
from kws.studies import study
from kws.studies.report import front, into_page, markdown
from kws.training.run_folder import load_network
from kws.utils.console import load_keras
from kws.utils.errors import KwsError

RECIPE = '[data]\nwords = ["low"]\n\n[network]\nchannels = 8\n'
STUDY = """
title = "Two widths"
recipe = "r.toml"
seeds = [1, 2]

[[cells]]
name = "narrow"

[[cells]]
name = "Wide, 16"
network = { channels = 16 }
reference = { elsewhere = "3%" }
"""


@pytest.fixture
def path(tmp_path) -> Path:
    (tmp_path / "r.toml").write_text(RECIPE)
    (tmp_path / "widths.toml").write_text(STUDY)
    return tmp_path / "widths.toml"


def test_every_cell_is_the_recipe_with_its_changes_and_seed(path):
    plan = study.load(path)
    assert [(c.folder, c.seed) for c in plan.cells] == [
        ("narrow-1", 1),
        ("wide-16-1", 1),
        ("narrow-2", 2),
        ("wide-16-2", 2),
    ]
    widths = [recipe.parse(cell.text).network.channels for cell in plan.cells]
    assert widths == [8, 16, 8, 16]
    assert [recipe.parse(cell.text).training.seed for cell in plan.cells] == [1, 1, 2, 2]


def test_the_papers_study_is_sound():
    plan = study.load(Path(__file__).parents[2] / "docs" / "results" / "paper.toml")
    structures = {recipe.parse(cell.text).network.structure for cell in plan.cells}
    assert {"dense", "toeplitz", "low_rank", "circulant", "fastfood", "hashed"} <= structures
    assert all(recipe.parse(cell.text).frames == 32 for cell in plan.cells)


def test_what_is_measured_is_not_measured_again(path, tmp_path, monkeypatch):
    asked = []

    def measured(study, folder, data, noise):
        asked.append(folder.name)
        if len(asked) == 3:
            raise KeyboardInterrupt
        plan, _ = recipe.load(folder)
        return {"accuracy": 0.9 + plan.training.seed / 100, "parameters": plan.network.channels}

    monkeypatch.setattr(study, "_measure", measured)
    monkeypatch.setattr(study, "side_by_side", lambda plan: {"narrow": 7.0, "Wide, 16": 20.0})
    plan = study.load(path)
    with pytest.raises(KeyboardInterrupt):
        study.run(plan, tmp_path / "runs")
    half = study.gather(plan, tmp_path / "runs")
    assert [len(row["seeds"]) for row in half["rows"]] == [1, 1]
    whole = study.run(plan, tmp_path / "runs")
    assert asked == ["narrow-1", "wide-16-1", "narrow-2", "narrow-2", "wide-16-2"]
    narrow, _ = whole["rows"]
    times = {"us_per_second_of_audio": 7.0}
    assert narrow["mean"] == {"accuracy": 0.915, "parameters": 8, **times}
    assert narrow["deviation"]["accuracy"] == pytest.approx(np.std([0.91, 0.92], ddof=1), abs=1e-6)
    assert "| Wide, 16 | 16 | 91.50% ± 0.71% | 20 | 2 | 3% |" in markdown(whole)
    json.dumps(whole)


def test_networks_are_timed_side_by_side(path):
    times = study.side_by_side(study.load(path))
    assert list(times) == ["narrow", "Wide, 16"]
    assert min(times.values()) > 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("seeds", "sheep"), "unknown key 'sheep'"),
        (("channels = 16", "chanels = 16"), "cell 'Wide, 16': network: unknown key 'chanels'"),
        (("network =", "net ="), "cell 2: unknown key 'net'"),
        (('"Wide, 16"', '"narrow"'), "two cells have the same name"),
        (('recipe = "r.toml"', ""), "cell 1: needs a recipe, or the study does"),
        (('title = "Two widths"', 'measure = "luck"'), "measure = 'luck'; use clips or spotting"),
        (("[[cells]]", "[[cells"), "is not valid TOML"),
    ],
)
def test_what_a_study_may_not_say(path, change, reason):
    path.write_text(STUDY.replace(*change))
    with pytest.raises(KwsError, match=reason):
        study.load(path)


def test_misses_are_counted_on_the_runs_own_file(trained, tmp_path):
    """The tones are easy in quiet; under babble of tones, 20 dB louder, some of them are missed."""
    load_keras()
    background = tmp_path / "background"
    background.mkdir()
    hiss = 0.01 * np.random.default_rng(0).normal(size=20 * audio.RATE)
    audio.write(background / "hiss.wav", hiss.astype(np.float32))
    run = tmp_path / "run"
    shutil.copytree(trained / "run", run)
    clips = trained / "clips"
    spotting = study.Spotting([str(background)], babble=str(clips / "high"), snr_db=-20.0)
    figures = study._spot(spotting, run, load_network(run), clips)
    quiet, babble = (figures[f"words_{name}"]["low"] for name in ("quiet", "babble"))
    assert figures["false_rejects_quiet"] == quiet["missed"] == 0
    assert quiet["clips"] == babble["clips"] == 10
    assert babble["missed"] > 0 < figures["false_rejects_babble"]
    assert quiet["hours"] > 20 / 3600


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(0, 20)), min_size=1, max_size=30))
def test_the_front_is_what_nothing_beats(points):
    costs, values = np.array(points).T
    best = front(costs, values)
    for k in range(len(points)):
        beaten = any(
            costs[j] <= costs[k] and values[j] >= values[k] and points[j] != points[k]
            for j in range(len(points))
        )
        assert (points[k] in [points[b] for b in best]) == (not beaten)


def test_the_table_takes_its_place_in_a_page(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(into_page(page, "Title", "one\n"))
    page.write_text(page.read_text() + "\nWhat it means.\n")
    text = into_page(page, "Title", "two\n")
    assert text.startswith("# Title\n")
    assert "two" in text
    assert "one" not in text
    assert text.endswith("\nWhat it means.\n")

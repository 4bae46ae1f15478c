"""Studies: what their files may say, that they go on where they were stopped, tables."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kws import audio, recipe
from kws.studies import study
from kws.studies.report import front, into_page, markdown
from kws.utils.errors import KwsError
from tests.conftest import ROOT
from tests.tones import tone

RECIPE = '[data]\nwords = ["low"]\n\n[network]\nchannels = 8\n'
STUDY = """
title = "Two widths"
recipe = "r.toml"
seeds = [1, 2]

[spotting]
rate = 1

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


@pytest.mark.parametrize("name", ["paper", "accuracy", "ablations"])
def test_the_studies_of_the_project_are_valid(name, capsys):
    plan = study.load(ROOT / "docs" / "results" / f"{name}.toml")
    assert "is called" not in capsys.readouterr().err  # keys of earlier recipes
    if name == "paper":
        structures = {recipe.parse(cell.text).network.structure for cell in plan.cells}
        assert {"dense", "toeplitz", "low_rank", "circulant", "fastfood", "hashed"} <= structures
        assert all(recipe.parse(cell.text).frames == 32 for cell in plan.cells)


def test_what_is_measured_is_not_measured_again(path, tmp_path, monkeypatch):
    asked = []

    def measure(study, folder, data, noise):
        asked.append(folder.name)
        if len(asked) == 3:
            raise KeyboardInterrupt
        plan, _ = recipe.load(folder)
        return {"accuracy": 0.9 + plan.training.seed / 100, "parameters": plan.network.channels}

    monkeypatch.setattr(study, "_measure", measure)
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


@pytest.fixture
def spotted(trained, tmp_path):
    """A run to spot words with, and what the study measures of it."""
    (tmp_path / "speech").mkdir()
    for k in range(10):
        audio.write(tmp_path / "speech" / f"{k}.wav", tone("other", k))
    run = tmp_path / "run"
    run.mkdir()
    for name in ("recipe.toml", "model.keras"):
        (run / name).write_bytes((trained / "run" / name).read_bytes())

    def measure(**options) -> dict:
        from kws.training.run_folder import load_network

        options = study.Spotting(background=[str(tmp_path / "speech")], **options)
        return study._spot(options, run, load_network(run), trained / "clips")

    return measure, tmp_path / "speech"


def test_words_are_spotted_in_quiet_and_in_babble(spotted):
    measure, speech = spotted
    loud = measure(babble=str(speech), snr_db=-20.0)
    assert set(loud) == {
        *("false_rejects_quiet", "words_quiet", "false_rejects_babble", "words_babble")
    }
    for word in ("low", "high"):
        one = loud["words_quiet"][word]
        assert (one["clips"], one["false_alarms"]) == (10, 0)
        assert one["hours"] > 30 / 3600
    shares = [one["missed"] / one["clips"] for one in loud["words_quiet"].values()]
    assert loud["false_rejects_quiet"] == pytest.approx(np.mean(shares), abs=1e-4)
    assert loud["false_rejects_quiet"] < loud["false_rejects_babble"]


def test_networks_are_timed_side_by_side(path):
    times = study.side_by_side(study.load(path))
    assert list(times) == ["narrow", "Wide, 16"]
    assert min(times.values()) > 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("seeds", "sheep"), "the study: unknown key 'sheep'; did you mean 'seeds'"),
        (("seeds = [1, 2]", 'seeds = "1"'), "seeds: expected a list"),
        (("channels = 16", "chanels = 16"), "cell 'Wide, 16': network: unknown key 'chanels'"),
        (("network =", "netwrk ="), "cell 2: unknown key 'netwrk'; did you mean 'network'"),
        (("network = {", "network = 3 #"), "cell 2: network: expected .*, got"),
        (('name = "narrow"', ""), "cell 1: 'name' is missing"),
        (('"Wide, 16"', '"narrow"'), "two cells have the same name"),
        (('recipe = "r.toml"', ""), "cell 1: needs a recipe"),
        (('title = "Two widths"', 'measure = "luck"'), "measure = 'luck'; use clips or spotting"),
        (("rate = 1", "rate = 2"), "spotting: rate = 2; use one of 0.1, 0.5, 1"),
        (("rate = 1", "ratte = 2"), "spotting: unknown key 'ratte'; did you mean 'rate'"),
        (("[[cells]]", "[[cells"), "is not valid TOML"),
    ],
)
def test_what_a_study_may_not_say(path, change, reason):
    path.write_text(STUDY.replace(*change))
    with pytest.raises(KwsError, match=reason) as refused:
        study.load(path)
    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)


def test_a_study_without_cells_and_one_that_is_not_there(path):
    path.write_text("cells = []")
    with pytest.raises(KwsError, match="cells: expected a list of length >= 1"):
        study.load(path)
    with pytest.raises(KwsError, match="no such study"):
        study.load(path.with_name("nowhere.toml"))


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

"""A study: recipes, varied in a few keys, times seeds; one table and one picture of what came out.

STUDY.toml names a recipe, or one for each cell, and what cells change in it:

    title = "…"
    recipe = "recipes/paper.toml"        # beside the study, like all paths in it
    seeds = [1, 2, 3]
    measure = "clips"                    # or "spotting"

    [spotting]                           # of measure = "spotting"
    background = ["DIR", …]              # speech without the words
    babble = "DIR"                       # speech to make cafeteria noise of
    snr_db = 0.0
    rate = 1.0                           # false alarms per hour

    [[cells]]
    name = "Toeplitz-like, rank 2"
    network = { structure = "toeplitz", rank = 2 }
    reference = { … }                    # anything to stand beside the results

Every cell and seed is a run folder, so a study that was stopped goes on where it was.
"""

import json
import tempfile
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kws import recipe
from kws.convert.untrained import untrained
from kws.pipeline import export
from kws.runtime.decision import STEP_MS
from kws.training.run_folder import NETWORK, RESULTS, init_run
from kws.utils.errors import KwsError
from kws.utils.files import write_text
from kws.utils.provenance import provenance

MEASURES = ("clips", "spotting")
TIMES = "times.json"
_TURNS, _RUNS = 30, 5
_KEYS = {"title", "recipe", "seeds", "measure", "spotting", "cells"}
_TABLES = ("data", "frontend", "network", "augment", "training")


@dataclass(frozen=True)
class Cell:
    """A recipe as varied, for one seed: its run's name, and TOML text."""

    name: str
    seed: int
    text: str
    reference: dict = field(default_factory=dict)

    @property
    def folder(self) -> str:
        plain = "".join(c if c.isalnum() else "-" for c in self.name.lower())
        return f"{'-'.join(part for part in plain.split('-') if part)}-{self.seed}"


@dataclass(frozen=True)
class Study:
    name: str
    title: str
    measure: str
    cells: list[Cell]
    spotting: dict


def load(path: Path) -> Study:
    """The study at ``path``, every cell's recipe checked.

    The cells come seed by seed, so that a study that is cut short has whole rows. Raises KwsError
    naming what is wrong.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise KwsError(f"{path}: no such study", 2) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise KwsError(f"{path}: is not valid TOML: {error}", 2) from error
    if unknown := sorted(set(tables) - _KEYS):
        raise KwsError(f"{path}: unknown key {unknown[0]!r}; known: {', '.join(sorted(_KEYS))}", 2)
    measure = tables.get("measure", "clips")
    if measure not in MEASURES:
        raise KwsError(f"{path}: measure = {measure!r}; use {' or '.join(MEASURES)}", 2)
    if not tables.get("cells"):
        raise KwsError(f"{path}: has no [[cells]]", 2)
    seeds = tables.get("seeds", [1])
    cells = [
        _cell(path, tables, table, number, seed)
        for seed in seeds
        for number, table in enumerate(tables["cells"], 1)
    ]
    if len({cell.folder for cell in cells}) < len(cells):
        raise KwsError(f"{path}: two cells have the same name", 2)
    return Study(path.stem, tables.get("title", path.stem), measure, cells, _spotting(path, tables))


def run(
    study: Study,
    runs: Path,
    data: Path | None = None,
    noise: Path | None = None,
    only_seed: int | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> dict:
    """Train and measure what is not there yet; the figures of all cells that are.

    runs: where the study's folder of run folders goes. data, noise: instead of the recipes'.
    """
    cells = [cell for cell in study.cells if only_seed in (None, cell.seed)]
    for number, cell in enumerate(cells, 1):
        folder = runs / study.name / cell.folder
        init_run(folder, cell.text, fresh=False)
        if not (folder / RESULTS).exists():
            tell(f"{number}/{len(cells)}: {cell.name}, seed {cell.seed}")
            figures = _measured(study, folder, data, noise)
            write_text(folder / RESULTS, json.dumps(figures, indent=1) + "\n")
    if study.measure == "clips":
        tell("all networks timed side by side")
        times = json.dumps(side_by_side(study), indent=1)
        write_text(runs / study.name / TIMES, times + "\n")
    return gather(study, runs)


def gather(study: Study, runs: Path) -> dict:
    """The figures of every cell that is measured: mean and deviation over its seeds."""
    rows: dict[str, dict] = {}
    for cell in study.cells:
        path = runs / study.name / cell.folder / RESULTS
        row = rows.setdefault(cell.name, {"name": cell.name, "seeds": {}})
        if cell.reference:
            row["reference"] = cell.reference
        if path.exists():
            row["seeds"][str(cell.seed)] = json.loads(path.read_text(encoding="utf-8"))
    for row in rows.values():
        flat = [_numbers(figures) for figures in row["seeds"].values()]
        row["mean"] = {key: round(float(np.mean([f[key] for f in flat])), 6) for key in _keys(flat)}
        row["deviation"] = {
            key: round(float(np.std([f[key] for f in flat], ddof=1)), 6)
            for key in _keys(flat)
            if len(flat) > 1
        }
    path = runs / study.name / TIMES
    times = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for name, row in rows.items():
        if row["seeds"] and name in times:
            row["mean"]["us_per_second_of_audio"] = times[name]
    return {
        "study": study.name,
        "title": study.title,
        "measure": study.measure,
        "rows": list(rows.values()),
        "made_by": provenance(),
    }


def _measured(study: Study, folder: Path, data: Path | None, noise: Path | None) -> dict:
    from kws.training.dataset import load_corpus
    from kws.training.train import train
    from kws.utils.console import load_keras

    load_keras()
    plan, _ = recipe.load(folder)
    began, spent = time.monotonic(), time.process_time()
    fresh = not (folder / NETWORK).exists()
    corpus = load_corpus(plan, data, noise)
    network = train(folder, corpus)
    figures = {"parameters": network.count_params()}
    if fresh:
        figures["training_seconds"] = round(time.monotonic() - began, 1)
        figures["training_cpu_seconds"] = round(time.process_time() - spent, 1)
    if study.measure == "spotting":
        return figures | _spotted(study, plan, network, data)
    return figures | _classified(folder, corpus)


def _classified(folder: Path, corpus) -> dict:
    """Of the smallest file: bytes, accuracy on the validation clips."""
    from kws.evaluation.accuracy import evaluate_clips
    from kws.runtime.model import Model

    path = folder / "compact.tflite"
    size, _ = export(folder, path, lowering="custom", quantize="compact", force=True)
    result = evaluate_clips(Model(path), corpus.validation)
    return {
        "accuracy": result["accuracy"],
        "clips": result["clips"],
        "file_bytes": size,
    }


def side_by_side(study: Study) -> dict[str, float]:
    """Microseconds of this processor per second of audio, by cell; front end not included.

    Of each cell's smallest file, untrained, which costs the same: the median of runs that take
    turns, so that what else the machine does falls on all. Each computes its whole window every
    ``STEP_MS``.
    """
    from kws.runtime.model import Model

    models = {}
    with tempfile.TemporaryDirectory() as folder:
        for cell in study.cells:
            if cell.name not in models:
                plan = recipe.parse(cell.text)
                [file] = untrained(plan, cell.folder, ["compact"], Path(folder))
                models[cell.name] = Model(file)
    spent = {name: [] for name in models}
    for _ in range(_TURNS):
        for name, model in models.items():
            window = np.zeros((model.frames, model.bands), np.float32)
            began = time.perf_counter()
            for _ in range(_RUNS):
                model(window)
            spent[name].append((time.perf_counter() - began) / _RUNS)
    return {name: round(1e6 * float(np.median(spent[name])) * 1000 / STEP_MS, 1) for name in models}


def _spotted(study: Study, plan, network, data: Path | None) -> dict:
    """Misses at the study's rate, in quiet and in babble, and of which words."""
    from kws.studies.spotting import Room, Tape
    from kws.training.dataset import data_folder

    asked, clips = study.spotting, data_folder(plan, data)
    rooms = [Room("quiet")]
    if asked["babble"]:
        rooms.append(Room("babble", asked["babble"], asked["snr_db"]))
    figures = {}
    for room in rooms:
        words = Tape(plan, clips, asked["background"], room).misses(network, asked["rate"])
        share = np.mean([one["missed"] / one["clips"] for one in words.values()])
        figures[f"false_rejects_{room.name}"] = round(float(share), 5)
        figures[f"words_{room.name}"] = words
    return figures


def _cell(path: Path, tables: dict, table: dict, number: int, seed: int) -> Cell:
    known = {"name", "recipe", "reference", *_TABLES}
    if unknown := sorted(set(table) - known):
        raise KwsError(f"{path}: cell {number}: unknown key {unknown[0]!r}", 2)
    source = table.get("recipe", tables.get("recipe"))
    if not (source and table.get("name")):
        raise KwsError(f"{path}: cell {number} needs a name and a recipe", 2)
    _, text = recipe.load(path.parent / source)
    merged = tomllib.loads(text)
    for key in _TABLES:
        merged[key] = {**merged.get(key, {}), **table.get(key, {})}
    merged["training"]["seed"] = seed
    text = to_toml(merged)
    try:
        recipe.parse(text)
    except KwsError as error:
        raise KwsError(f"{path}: cell {table['name']!r}: {error}", 2) from error
    return Cell(table["name"], seed, text, table.get("reference", {}))


def _spotting(path: Path, tables: dict) -> dict:
    asked = {"background": [], "babble": "", "snr_db": 0.0, "rate": 1.0}
    given = tables.get("spotting", {})
    if unknown := sorted(set(given) - set(asked)):
        raise KwsError(f"{path}: [spotting]: unknown key {unknown[0]!r}", 2)
    asked |= given
    asked["background"] = [Path(folder).expanduser() for folder in asked["background"]]
    asked["babble"] = Path(asked["babble"]).expanduser() if asked["babble"] else None
    return asked


def to_toml(tables: dict[str, dict]) -> str:
    """Tables of plain values as TOML text."""
    blocks = []
    for name, table in tables.items():
        lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in table.items()]
        if lines:
            blocks.append("\n".join([f"[{name}]", *lines]) + "\n")
    return "\n".join(blocks)


def _numbers(figures: dict) -> dict[str, float]:
    return {key: value for key, value in figures.items() if isinstance(value, int | float)}


def _keys(flat: list[dict]) -> list[str]:
    return [key for key in (flat[0] if flat else {}) if all(key in one for one in flat)]

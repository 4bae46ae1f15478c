"""A study: recipes, varied in a few keys, times seeds, trained and measured.

STUDY.toml names a recipe, or one for each cell, and what cells change in it:

    title = "…"
    recipe = "recipes/paper.toml"        # beside the study, like all paths in it
    seeds = [1, 2, 3]
    measure = "clips"                    # or "spotting"

    [spotting]                           # of measure = "spotting", as ``Spotting`` says
    background = ["DIR", …]

    [[cells]]
    name = "Toeplitz-like, rank 2"
    network = { structure = "toeplitz", rank = 2 }
    reference = { … }                    # further columns of the table

Every cell and seed is a run folder, so a study that was stopped goes on where it was.
"""

import json
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tomli_w
from msgspec import Meta

from kws import recipe
from kws.convert.untrained import untrained
from kws.datasets.noise import Noise
from kws.evaluation.rates import RATES
from kws.pipeline import export
from kws.runtime.decision import STEP_MS
from kws.training.run_folder import NETWORK, RESULTS, init_run
from kws.utils.console import note
from kws.utils.errors import KwsError
from kws.utils.files import write_text
from kws.utils.provenance import provenance

MEASURES = ("clips", "spotting")
TIMES = "times.json"
_TURNS, _RUNS = 30, 5
_QUIET_DB = 60.0  # from the words to the noise of a quiet room


@dataclass(frozen=True)
class Spotting:
    """How misses are measured at ``rate`` false alarms per hour.

    background: folders of speech without the words. babble: a folder of speech that babble is made
    of, which is ``snr_db`` below the words; without one only quiet is measured.
    """

    background: list[str] = field(default_factory=list)
    babble: str = ""
    snr_db: float = 0.0
    rate: float = 1.0

    def __post_init__(self) -> None:
        if self.rate not in RATES:
            known = ", ".join(f"{rate:g}" for rate in RATES)
            raise KwsError(f"spotting: rate = {self.rate:g}; use one of {known}", 2)


@dataclass(frozen=True)
class Cell:
    """A varied recipe with a seed: its name, and TOML text."""

    name: str
    seed: int
    text: str
    reference: dict

    @property
    def folder(self) -> str:
        """The name of its run folder."""
        plain = "".join(c if c.isalnum() else "-" for c in self.name.lower())
        return f"{'-'.join(part for part in plain.split('-') if part)}-{self.seed}"


@dataclass(frozen=True)
class Study:
    name: str
    title: str
    measure: str
    cells: list[Cell]
    spotting: Spotting


@dataclass(frozen=True)
class _Variation:
    """A table of [[cells]]: what it changes in the tables of a recipe."""

    name: str
    recipe: str = ""
    reference: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    frontend: dict[str, Any] = field(default_factory=dict)
    network: dict[str, Any] = field(default_factory=dict)
    augment: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _File:
    """What stands in a study's file."""

    cells: Annotated[list[dict[str, Any]], Meta(min_length=1)]
    title: str = ""
    recipe: str = ""
    seeds: list[int] = field(default_factory=lambda: [1])
    measure: str = "clips"
    spotting: Spotting = field(default_factory=Spotting)

    def __post_init__(self) -> None:
        if self.measure not in MEASURES:
            raise KwsError(f"measure = {self.measure!r}; use {' or '.join(MEASURES)}", 2)


def load(path: Path) -> Study:
    """The study at ``path``, every cell's recipe checked.

    The cells come seed by seed, so that a study that is stopped has whole rows. Raises KwsError
    naming what is wrong.
    """
    text = recipe.read_text(path, "study")
    try:
        file = recipe.convert(recipe.parse_toml(text), _File, "the study")
        cells = [
            _cell(path, file.recipe, table, number, seed)
            for seed in file.seeds
            for number, table in enumerate(file.cells, 1)
        ]
    except KwsError as error:
        raise KwsError(f"{path}: {error}", 2) from error
    if len({cell.folder for cell in cells}) < len(cells):
        raise KwsError(f"{path}: two cells have the same name", 2)
    return Study(path.stem, file.title or path.stem, file.measure, cells, file.spotting)


def run(
    study: Study,
    runs: Path,
    *,
    data: Path | None = None,
    noise: Path | None = None,
    only_seed: int | None = None,
) -> dict:
    """Train and measure the cells that are not measured yet; returns what ``gather`` does.

    runs: where the study's folder of run folders lies. data, noise: instead of the recipes'.
    """
    cells = [cell for cell in study.cells if only_seed in (None, cell.seed)]
    for number, cell in enumerate(cells, 1):
        folder = runs / study.name / cell.folder
        init_run(folder, cell.text, fresh=False)
        if not (folder / RESULTS).exists():
            note(f"{number}/{len(cells)}: {cell.name}, seed {cell.seed}")
            figures = _measure(study, folder, data, noise)
            write_text(folder / RESULTS, json.dumps(figures, indent=1) + "\n")
    if study.measure == "clips":
        note("all networks timed side by side")
        times = json.dumps(side_by_side(study), indent=1)
        write_text(runs / study.name / TIMES, times + "\n")
    return gather(study, runs)


def gather(study: Study, runs: Path) -> dict:
    """The figures of every cell that is measured: mean and deviation over its seeds."""
    rows: dict[str, dict] = {}
    for cell in study.cells:
        row = rows.setdefault(cell.name, {"name": cell.name, "seeds": {}})
        if cell.reference:
            row["reference"] = cell.reference
        if figures := _read(runs / study.name / cell.folder / RESULTS):
            row["seeds"][str(cell.seed)] = figures
    times = _read(runs / study.name / TIMES)
    for name, row in rows.items():
        seeds = list(row["seeds"].values())
        shared = [
            key
            for key, value in (seeds[0] if seeds else {}).items()
            if isinstance(value, int | float) and all(key in figures for figures in seeds)
        ]
        values = {key: [figures[key] for figures in seeds] for key in shared}
        row["mean"] = {key: round(float(np.mean(v)), 6) for key, v in values.items()}
        row["deviation"] = {
            key: round(float(np.std(v, ddof=1)), 6) for key, v in values.items() if len(v) > 1
        }
        if seeds and name in times:
            row["mean"]["us_per_second_of_audio"] = times[name]
    return {
        "study": study.name,
        "title": study.title,
        "measure": study.measure,
        "rows": list(rows.values()),
        "made_by": provenance(),
    }


def side_by_side(study: Study) -> dict[str, float]:
    """Microseconds of this processor per second of audio, by cell, without the front end.

    Each cell's network is timed untrained, which costs the same, in its smallest file. A figure is
    the median of runs that take turns, so that other load falls on all networks. Each run computes
    a whole window, every ``STEP_MS``.
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


def _cell(path: Path, default: str, table: dict, number: int, seed: int) -> Cell:
    """The cell of a table and a seed; default: the study's recipe."""
    try:
        varied = recipe.convert(table, _Variation)
        if not (varied.recipe or default):
            raise KwsError("needs a recipe, or the study does", 2)
    except KwsError as error:
        raise KwsError(f"cell {number}: {error}", 2) from error
    _, text = recipe.load(path.parent / (varied.recipe or default))
    tables = recipe.parse_toml(text)
    changes = asdict(varied)
    for name in ("data", "frontend", "network", "augment", "training"):
        tables[name] = tables.get(name, {}) | changes[name]
    tables["training"]["seed"] = seed
    text = tomli_w.dumps(tables)
    try:
        recipe.parse(text)
    except KwsError as error:
        raise KwsError(f"cell {varied.name!r}: {error}", 2) from error
    return Cell(varied.name, seed, text, varied.reference)


def _measure(study: Study, folder: Path, data: Path | None, noise: Path | None) -> dict:
    """The figures of a run, which is trained if it is not."""
    from kws.training.dataset import data_folder, load_corpus
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
        return figures | _spot(study.spotting, folder, network, data_folder(plan, data))
    return figures | _classify(folder, corpus)


def _classify(folder: Path, corpus) -> dict:
    """Bytes of a run's smallest file, and its accuracy on the validation clips."""
    from kws.evaluation.accuracy import evaluate_clips
    from kws.runtime.model import Model

    path = folder / "compact.tflite"
    size, _ = export(folder, path, lowering="custom", quantize="compact", force=True)
    result = evaluate_clips(Model(path), corpus.validation)
    return {"accuracy": result["accuracy"], "clips": result["clips"], "file_bytes": size}


def _spot(spotting: Spotting, folder: Path, network, clips: Path) -> dict:
    """Misses of a run's file at the rate of false alarms, in quiet and in babble."""
    from kws.convert.streaming import can_stream
    from kws.evaluation.words import score_words

    path, rate = folder / "spotting.tflite", f"{spotting.rate:g}"
    export(folder, path, lowering="custom", streaming=can_stream(network), force=True)
    conditions = {"quiet": (Noise(), _QUIET_DB)}
    if spotting.babble:
        babble = Noise.babble(Path(spotting.babble).expanduser())
        conditions["babble"] = babble, spotting.snr_db
    background = [Path(name).expanduser() for name in spotting.background]
    figures = {}
    for name, (noise, snr_db) in conditions.items():
        scored = score_words(str(path), clips, background=background, noise=noise, snr_db=snr_db)
        figures[f"false_rejects_{name}"] = scored["frr_at_fa_per_hour"][rate]
        figures[f"words_{name}"] = {
            word: {
                "missed": one["intervals"][rate]["missed"],
                "clips": one["positives"],
                "false_alarms": one["intervals"][rate]["false_alarms"],
                "hours": one["hours"],
            }
            for word, one in scored["words"].items()
        }
    return figures


def _read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

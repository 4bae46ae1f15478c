"""The page of ``kws report``: results files as one HTML file that contains its pictures."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import jinja2
from matplotlib.figure import Figure

from kws.report.figures import bar_figure, confusion_figure, det_figure, save, words_figure
from kws.report.results import Result, read_results
from kws.utils.files import write_text

RATES = ("0.1", "0.5", "1")
MISSED = [f"missed at {rate}/h" for rate in RATES]
MAX_COLUMNS = 12  # of a benchmark's rows: no page is wide enough for more


@dataclass
class Table:
    header: list[str]
    rows: list[list]


@dataclass
class Section:
    """A heading with a text, pictures by their names and a table.

    folded: a reader opens the section to see more than the heading.
    """

    title: str
    text: str = ""
    table: Table | None = None
    figures: dict[str, Figure] = field(default_factory=dict)
    folded: bool = False


def write_report(
    paths: Sequence[Path], page: Path, png_folder: Path | None = None, title: str = ""
) -> None:
    """Put results files, or all those in the folders of models, on one page.

    png_folder: write each picture there too, as PNG. Raises KwsError for a file without results.
    """
    results = read_results(paths)
    title = title or _title(list(dict.fromkeys(r.name for r in results if r.kind != "rows")))
    sections = [section for make in SECTIONS for section in make(results)]
    loader = jinja2.PackageLoader("kws.report", ".")
    template = jinja2.Environment(loader=loader, autoescape=True).get_template("page.html")
    html = template.render(
        title=title or page.stem,
        sections=[(section, _inlined(section.figures)) for section in sections],
        date=max((_made_by(r).get("date", "") for r in results), default=""),
    )
    write_text(page, html)
    for section in sections if png_folder else ():
        for name, figure in section.figures.items():
            save(figure, png_folder / f"{_file_name(name)}.png", dpi=150)


def _title(names: list[str]) -> str:
    """Up to three names; else the names of up to three models; else how many models."""
    if len(names) <= 3:
        return ", ".join(names)
    models = list(dict.fromkeys(name.partition("/")[0] for name in names))
    return ", ".join(models) if len(models) <= 3 else f"{len(models)} models"


def summary(results: Sequence[Result]) -> list[Section]:
    """A row for each model: size, misses, latency, CPU time."""
    scored = _of(results, "keyword") + _of(results, "words")
    if not scored:
        return []
    header = ["", "file KB", *MISSED, "latency ms", "CPU of 1 core"]
    rows = []
    for result in scored:
        model, latency = result.data["model"], result.data.get("latency_ms")
        rows.append(
            [
                result.name,
                f"{model['file_bytes'] / 1000:,.0f}",
                *(_share(result.data, rate) for rate in RATES),
                f"{latency['median']:,}" if latency else "–",
                f"{100 * model['cpu_s_per_audio_s']:.2f}%",
            ]
        )
    text = (
        "Missed: the share of the keyword's recordings that are not reported, at the threshold "
        "that gives at most so many false alarms per hour; in brackets the exact 95% interval. "
        "* too few hours of background to claim this rate; it is what the hours there are show."
    )
    return [Section("Summary", text, Table(header, rows))]


def curves(results: Sequence[Result]) -> list[Section]:
    """Misses against false alarms: a picture for each condition, with the curves of all models."""
    sections = []
    scored = _of(results, "keyword")
    for keyword in dict.fromkeys(result.data["keyword"] for result in scored):
        mine = [result for result in scored if result.data["keyword"] == keyword]
        names = dict.fromkeys(name for result in mine for name in result.data["conditions"])
        figures = {}
        for name in names:
            by_model = {
                result.name: result.data["conditions"][name]
                for result in mine
                if name in result.data["conditions"]
            }
            figures[f"{keyword}: {name}"] = det_figure(by_model, f"“{keyword}”, {name}")
        first = mine[0].data
        hours = ", ".join(f"{one['hours']:.2f} h {one['folder']}" for one in first["background"])
        text = (
            f"{first['positives']} recordings of “{keyword}” against {first['hours']:.2f} hours of "
            f"anything else ({hours}). Bars are exact 95% intervals; the left edge is no false "
            "alarm at all."
        )
        title = f"“{keyword}”: misses against false alarms"
        sections.append(Section(title, text, figures=figures))
    return sections


def conditions(results: Sequence[Result]) -> list[Section]:
    """Misses and latency in each condition."""
    scored = _of(results, "keyword")
    if not scored:
        return []
    header = ["", "where", *MISSED, "latency ms", "p90"]
    rows = []
    for result in scored:
        for name, one in result.data["conditions"].items():
            latency = one["latency_ms"] or {"median": "–", "p90": "–"}
            shares = [_share(one, rate) for rate in RATES]
            rows.append([result.name, name, *shares, latency["median"], latency["p90"]])
    text = (
        "The same thresholds in all conditions, set on the background as it was recorded. "
        "Latency: from the end of the word to the report, at 0.5 false alarms per hour."
    )
    return [Section("Quiet, noise, distance", text, Table(header, rows))]


def words(results: Sequence[Result]) -> list[Section]:
    """Every word of a model on a stream of words."""
    scored = {result.name: result.data for result in _of(results, "words")}
    if not scored:
        return []
    header = ["", "word", "clips", *MISSED, "latency ms"]
    rows = [
        [
            name,
            word,
            one["positives"],
            *(_share(one, rate) for rate in RATES),
            one["latency_ms"]["median"] if one["latency_ms"] else "–",
        ]
        for name, data in scored.items()
        for word, one in data["words"].items()
    ]
    first = next(iter(scored.values()))
    text = (
        f"{first['clips']} {first['split']} clips of all words, joined with pauses; "
        f"{first['hours']:.2f} hours in all. A report of a word anywhere else is a false alarm."
    )
    figures = {"words in a stream": words_figure(scored, "1")}
    return [
        Section("Words in a stream", text, figures=figures),
        Section("Words in a stream: the figures", table=Table(header, rows)),
    ]


def classes(results: Sequence[Result]) -> list[Section]:
    """Accuracy on clips, and the confusion matrices."""
    evaluated = _of(results, "classes")
    if not evaluated:
        return []
    rows = [
        [result.name, f"{result.data['accuracy']:.2%}", f"{result.data['clips']:,}"]
        for result in evaluated
    ]
    figures = {
        f"confusion of {result.name}": confusion_figure(result.data, result.name)
        for result in evaluated[:4]
    }
    table = Table(["", "accuracy", "clips"], rows)
    return [Section("Clips classified", table=table, figures=figures)]


def benchmarks(results: Sequence[Result]) -> list[Section]:
    """Results of ``kws bench``: the rows as a table, bars of speed and memory."""
    sections = []
    for result in _of(results, "rows"):
        rows = [_flat(row) for row in result.data["rows"]]
        columns = list(dict.fromkeys(key for row in rows for key in row))[:MAX_COLUMNS]
        table = Table(
            [column.replace("_", " ") for column in columns],
            [[_cell(row.get(column, "")) for column in columns] for row in rows],
        )
        title, method = f"Benchmark: {result.name}", result.data.get("method", "")
        sections.append(Section(title, method, table, _bars(result.name, rows)))
    return sections


def false_alarms(results: Sequence[Result]) -> list[Section]:
    """The false alarms at the threshold of one per hour."""
    scored = [
        (result.name, result.data["keyword"], result.data) for result in _of(results, "keyword")
    ]
    for result in _of(results, "words"):
        scored += [(result.name, word, one) for word, one in result.data["words"].items()]
    rows = [
        [name, word, alarm["file"], f"{alarm['seconds']:.1f}", f"{alarm['score']:.3f}"]
        for name, word, one in scored
        for alarm in one.get("false_alarms", ())
    ]
    if not rows:
        return []
    table = Table(["", "detected", "in", "at second", "score"], rows)
    return [Section("False alarms, at 1 per hour", table=table, folded=True)]


def provenance(results: Sequence[Result]) -> list[Section]:
    """Commands, machines, versions."""
    rows = []
    for path, data in {result.path: result.data for result in results}.items():
        made = data.get("made_by") or {}
        versions = ", ".join(f"{name} {v}" for name, v in made.get("versions", {}).items())
        place = f"{made.get('machine', '')}. {versions}".strip(". ")
        rows.append([path.name, made.get("command", ""), made.get("date", ""), place])
    return [Section("What made this", table=Table(["file", "command", "date", "with"], rows))]


SECTIONS = (summary, curves, conditions, words, classes, benchmarks, false_alarms, provenance)


def _of(results: Sequence[Result], kind: str) -> list[Result]:
    return [result for result in results if result.kind == kind]


def _made_by(result: Result) -> dict:
    return result.data.get("made_by") or {}


def _share(data: dict, rate: str) -> str:
    share = f"{100 * data['frr_at_fa_per_hour'][rate]:.1f}%"
    if "intervals" not in data:
        return share
    at = data["intervals"][rate]
    low, high = (100 * end for end in at["frr_95"])
    return f"{share}{'' if at['enough_hours'] else '*'} ({low:.1f}–{high:.1f})"


def _flat(row: dict) -> dict:
    """The texts and numbers of a benchmark's row, without its lists and objects."""
    return {key: value for key, value in row.items() if isinstance(value, str | int | float)}


def _cell(value) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def _bars(name: str, rows: list[dict]) -> dict[str, Figure]:
    """Bars of speed and memory: a picture for each target and quantity."""
    wanted = {
        "latency_us": "µs an inference",
        "cpu_s_per_audio_s": "CPU seconds per second of audio",
        "instructions": "instructions",
        "peak_bytes": "bytes of memory",
    }
    figures = {}
    for target in dict.fromkeys(row.get("target", "") for row in rows):
        for column, unit in wanted.items():
            values = {
                row["model"]: row[column]
                for row in rows
                if row.get("target", "") == target and "model" in row and column in row
            }
            if len(values) > 1:
                title = " ".join(filter(None, [target, unit]))
                figures[f"{name}: {title}"] = bar_figure(values, title)
    return figures


def _inlined(figures: dict[str, Figure]) -> dict[str, str]:
    """Each figure as a data URL of an SVG."""
    addresses = {}
    for name, figure in figures.items():
        file = io.BytesIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
        addresses[name] = f"data:image/svg+xml;base64,{base64.b64encode(file.getvalue()).decode()}"
    return addresses


def _file_name(name: str) -> str:
    return "-".join("".join(c if c.isalnum() else " " for c in name.lower()).split())

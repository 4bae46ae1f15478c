"""``kws bench model``: models side by side on one or more targets."""

import itertools
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path

from kws.benchmark.candidates import Candidate
from kws.benchmark.results import made_by, markdown_table, write_results
from kws.benchmark.targets import qemu, timed
from kws.utils.provenance import provenance

ROUNDS, QUICK_ROUNDS = 7, 3


def bench_models(
    path_json: Path | str,
    models: Sequence[Candidate],
    targets: Sequence,
    rounds: int = ROUNDS,
    report: Callable[[str], None] = print,
) -> dict:
    """Measure models on targets, and put beside that what is known of how well they hear.

    Args:
        path_json: where the results go; a table and a picture go beside it (.md and .png).
        models: of ``kws.benchmark.candidates``.
        targets: of ``kws.benchmark.targets.choose``; each is entered in its turn.
        rounds: how often a timed target goes through the models.
        report: gets a line for each round or model.

    Returns what is written: ``{"made_by", "method", "conditions", "warnings", "rows": [{"model",
    "target", "latency_us" or "instructions", "peak_bytes", "file_bytes", "step_ms", …}]}``; see
    ``row`` of kws.benchmark.targets.timed, and qemu. Raises KwsError if a target cannot be used or
    a model not be run there.
    """
    rows, conditions, methods, left_out = [], {}, [], []
    for target in targets:
        with target:
            before = target.conditions()
            measured = target.measure(models, rounds, report)
            conditions[target.name] = {"before": before, "after": target.conditions()}
        methods.append(qemu.METHOD if isinstance(target, qemu.Qemu) else timed.METHOD)
        for model, row in zip(models, measured, strict=True):
            if isinstance(row, str):
                left_out.append(f"{target.name}: {model.name} is left out, {row}")
                continue
            size = {"file_bytes": model.file.stat().st_size, "step_ms": model.step_ms}
            rows.append({"model": model.name, **row, **size, **known_figures(model.file)})
    result = {
        "made_by": provenance(),
        "method": " ".join(dict.fromkeys(methods)),
        "conditions": conditions,
        "warnings": [*left_out, *warnings(rows)],
        "rows": rows,
    }
    write_results(path_json, result, table, picture)
    return result


def known_figures(model: Path) -> dict:
    """Accuracy and misses at false alarms per hour, from the .json files beside a model.

    An evaluation or a score counts if it says that it is of this file; of a run's results.json,
    the part that has the file's name.
    """
    figures = {}
    for path in sorted(model.parent.glob("*.json")):
        try:
            results = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        part = _part(results, "validation", model.stem)
        if part is None and _part(results, "model", "file") == model.name:
            part = results
        for figure in ("accuracy", "frr_at_fa_per_hour"):
            value = _part(part, figure)
            if value is not None:
                figures[figure] = value
    return figures


def _part(results, *keys: str):
    """What lies under these keys of dictionaries in one another; None where there is nothing."""
    for key in keys:
        results = results.get(key) if isinstance(results, dict) else None
    return results


def warnings(rows: list[dict]) -> list[str]:
    """For each model those behind it whose rounds overlap with its own on the same target: which
    is faster is not known."""
    lines = []
    for number, row in enumerate(rows):
        alike = [
            _spread(other)
            for other in rows[number + 1 :]
            if other["target"] == row["target"] and _overlap(row, other)
        ]
        if alike:
            lines.append(
                f"{row['target']}: {_spread(row)} cannot be told apart from {', '.join(alike)}"
            )
    return lines


def _spread(row: dict) -> str:
    times = row["latency_us_rounds"]
    return f"{row['model']} ({min(times):.1f} to {max(times):.1f} µs)"


def _overlap(one: dict, other: dict) -> bool:
    times, others = (row.get("latency_us_rounds", []) for row in (one, other))
    return bool(times and others) and min(times) <= max(others) and min(others) <= max(times)


def table(result: dict) -> str:
    """The results as Markdown, a table for each target."""
    text = ["# Models on devices", "", result["method"], ""]
    for target, rows in itertools.groupby(result["rows"], key=lambda row: row["target"]):
        text += [f"## {target}", "", _table(list(rows)), ""]
    text += [f"- {line}" for line in result["warnings"]]
    return "\n".join(text).rstrip() + f"\n\n{made_by(result)}\n"


def _table(rows: list[dict]) -> str:
    columns = {
        "model": lambda row: row["model"],
        "µs": lambda row: f"{row['latency_us']:.1f}",
        "spread": lambda row: (
            f"{min(row['latency_us_rounds']):.1f} to {max(row['latency_us_rounds']):.1f}"
        ),
        "ops' sum": lambda row: f"{row['ops_us'] / row['latency_us']:.0%}",
        "step ms": lambda row: f"{row['step_ms']:g}",
        "inference ms per audio s": lambda row: f"{row['latency_us'] / row['step_ms']:.3f}",
        "CPU ms per audio s": lambda row: f"{1e3 * row['cpu_per_audio_second']:.3f}",
        "instructions": lambda row: f"{row['instructions']:,.0f}",
        "ops' sum ": _counted_share,
        "million per audio s": lambda row: f"{row['instructions'] / row['step_ms'] / 1e3:.2f}",
        "ms (estimate)": lambda row: f"{row['estimated_ms']:.2f}",
        "peak KiB": lambda row: f"{row['peak_bytes'] / 1024:,.0f}",
        "arena KiB": lambda row: f"{row['arena_bytes'] / 1024:.1f}",
        "file bytes": lambda row: f"{row['file_bytes']:,}",
        "accuracy": lambda row: f"{row['accuracy']:.1%}",
        "FRR at 0.5 FA/h": lambda row: f"{row['frr_at_fa_per_hour']['0.5']:.1%}",
    }
    cells = {name: [_cell(column, row) for row in rows] for name, column in columns.items()}
    kept = {name: column for name, column in cells.items() if any(column)}
    return markdown_table(list(kept), list(zip(*kept.values(), strict=True)), texts=1)


def _shown(value: float) -> str:
    if not value:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _counted_share(row: dict) -> str:
    counted = sum(op["instructions"] for op in row["ops"] if "instructions" in op)
    return f"{counted / row['instructions']:.1%}" if counted else ""


def _cell(column: Callable[[dict], str], row: dict) -> str:
    try:
        return column(row)
    except (KeyError, TypeError):
        return ""


def picture(result: dict, path: Path) -> None:
    """Bars on logarithmic scales: times or instructions of each target, memory, and files."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter

    rows = result["rows"]
    panels: list[tuple[str, dict[str, float]]] = []
    for target, of_target in itertools.groupby(rows, key=lambda row: row["target"]):
        part = list(of_target)
        if "latency_us" in part[0]:
            bars = {row["model"]: row["latency_us"] for row in part}
            panels.append((f"{target}: µs an inference", bars))
            memory = {r["model"]: r["peak_bytes"] / 1024 for r in part if "peak_bytes" in r}
            if memory:
                panels.append((f"{target}: KiB of memory", memory))
        else:
            bars = {row["model"]: row["instructions"] / 1e6 for row in part}
            panels.append((f"{target}: million instructions", bars))
    panels.append(("KiB of file", {row["model"]: row["file_bytes"] / 1024 for row in rows}))
    names = list(dict.fromkeys(row["model"] for row in rows))
    figure = Figure(
        figsize=(2 + 2.6 * len(panels), 1 + 0.3 * len(names)), layout="constrained", dpi=120
    )
    for axes, (title, bars) in zip(
        figure.subplots(1, len(panels), sharey=True, squeeze=False)[0], panels, strict=True
    ):
        drawn = axes.barh(names, [bars.get(name, 0) for name in names])
        axes.bar_label(drawn, fmt=_shown, fontsize=8)
        axes.set_title(title, fontsize=9)
        axes.set_xscale("log")
        axes.set_xlim(10 ** math.floor(math.log10(min(bars.values()))), 8 * max(bars.values()))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.margins(y=0.01)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].invert_yaxis()
    figure.savefig(path)

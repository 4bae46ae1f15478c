"""``kws bench model``: models side by side on one or more targets."""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path

from kws.benchmark.figures import bar_panels
from kws.benchmark.model_files import ModelFile
from kws.benchmark.results import markdown_page, markdown_table, write_results

ROUNDS, QUICK_ROUNDS = 7, 3


def bench_models(
    path_json: Path | str, models: Sequence[ModelFile], targets: Sequence, quick: bool = False
) -> dict:
    """Measure models on targets, and add what files beside them say of their accuracy.

    Args:
        path_json: where the results go; a table and a picture go beside it (.md and .png).
        models: of ``kws.benchmark.model_files``.
        targets: of ``kws.benchmark.targets.choose``; each is entered in its turn.
        quick: fewer rounds on targets that measure times.

    Returns what is written; its "rows" are those of ``measure`` of the targets, with more figures.
    Raises KwsError if a target cannot be used, or kws_runner cannot run a model there.
    """
    rows, conditions, left_out = [], {}, []
    for target in targets:
        with target:
            before = target.conditions()
            measured = target.measure(models, QUICK_ROUNDS if quick else ROUNDS)
            conditions[target.name] = {"before": before, "after": target.conditions()}
        for model, row in zip(models, measured, strict=True):
            if isinstance(row, str):
                left_out.append(f"{target.name}: {model.name} is left out, {row}")
                continue
            size = {"file_bytes": model.path.stat().st_size, "step_ms": model.step_ms}
            figures = known_figures(model.path)
            rows.append({"model": model.name, "target": target.name, **row, **size, **figures})
    contents = {
        "method": " ".join(dict.fromkeys(target.method for target in targets)),
        "conditions": conditions,
        "warnings": [*left_out, *indistinguishable(rows)],
        "rows": rows,
    }
    return write_results(path_json, contents, page, picture(rows) if rows else None)


def known_figures(model: Path) -> dict:
    """Accuracy and misses at false alarms per hour, from the .json files beside a model.

    An evaluation or a score counts if it names this file, and a run's results.json if it has a
    part with the file's name.
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


def indistinguishable(rows: list[dict]) -> list[str]:
    """A line for each model whose rounds overlap with those of models after it on the same target:
    which is faster is not known."""
    lines = []
    for number, row in enumerate(rows):
        alike = [_timed(other) for other in rows[number + 1 :] if _overlap(row, other)]
        if alike:
            joined = ", ".join(alike)
            lines.append(f"{row['target']}: {_timed(row)} cannot be told apart from {joined}")
    return lines


def page(result: dict) -> str:
    """The results as Markdown, a table for each target."""
    columns = {
        "model": "{model}",
        "µs": "{latency_us:.1f}",
        "spread": _spread,
        "instructions": "{instructions:,}",
        "ops' sum": _share_of_ops,
        "step ms": "{step_ms:g}",
        "inference ms per audio s": lambda row: f"{row['latency_us'] / row['step_ms']:.3f}",
        "CPU ms per audio s": lambda row: f"{1e3 * row['cpu_per_audio_second']:.3f}",
        "million per audio s": lambda row: f"{row['instructions'] / row['step_ms'] / 1e3:.2f}",
        "ms (estimate)": "{estimated_ms:.2f}",
        "peak KiB": lambda row: f"{row['peak_bytes'] / 1024:,.0f}",
        "arena KiB": lambda row: f"{row['arena_bytes'] / 1024:.1f}",
        "file bytes": "{file_bytes:,}",
        "accuracy": "{accuracy:.1%}",
        "FRR at 0.5 FA/h": "{frr_at_fa_per_hour[0.5]:.1%}",
    }
    parts = []
    for target, rows in itertools.groupby(result["rows"], key=lambda row: row["target"]):
        parts += [f"## {target}", markdown_table(columns, list(rows))]
    if result["warnings"]:
        parts.append("\n".join(f"- {line}" for line in result["warnings"]))
    return markdown_page("Models on devices", result, *parts)


def picture(rows: list[dict]):
    """Bars of times or instructions and of memory on each target, and of the files' sizes."""
    units = {
        "latency_us": ("µs an inference", 1),
        "peak_bytes": ("KiB of memory", 1024),
        "instructions": ("million instructions", 1e6),
    }
    panels: dict[str, dict[str, float]] = {}
    for row in rows:
        for key, (title, unit) in units.items():
            if key in row:
                panels.setdefault(f"{row['target']}: {title}", {})[row["model"]] = row[key] / unit
    panels["KiB of file"] = {row["model"]: row["file_bytes"] / 1024 for row in rows}
    return bar_panels(panels)


def _part(results, *keys: str):
    """The value under these keys of nested dictionaries; None where there is none."""
    for key in keys:
        results = results.get(key) if isinstance(results, dict) else None
    return results


def _timed(row: dict) -> str:
    return f"{row['model']} ({_spread(row)} µs)"


def _overlap(one: dict, other: dict) -> bool:
    times, others = (row.get("latency_us_rounds") for row in (one, other))
    if one["target"] != other["target"] or not times or not others:
        return False
    return min(times) <= max(others) and min(others) <= max(times)


def _spread(row: dict) -> str:
    times = row["latency_us_rounds"]
    return f"{min(times):.1f} to {max(times):.1f}"


def _share_of_ops(row: dict) -> str:
    if "ops_us" in row:
        return f"{row['ops_us'] / row['latency_us']:.0%}"
    counted = sum(op["instructions"] for op in row["ops"])
    return f"{counted / row['instructions']:.0%}" if counted else ""

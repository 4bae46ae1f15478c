"""The results of a study: a table in Markdown, and accuracy against bytes and time drawn."""

from pathlib import Path

import numpy as np

from kws.utils.files import replacing

# The header and the format of each figure; a table has only those that its study has.
_COLUMNS = {
    "parameters": ("parameters", "{:,.0f}"),
    "file_bytes": ("file, bytes", "{:,.0f}"),
    "accuracy": ("accuracy", "{:.2%}"),
    "us_per_second_of_audio": ("µs per second of audio", "{:,.0f}"),
    "false_rejects_quiet": ("false rejects, quiet", "{:.1%}"),
    "false_rejects_babble": ("false rejects, babble", "{:.1%}"),
    "training_seconds": ("training, s", "{:,.0f}"),
    "training_cpu_seconds": ("training, CPU s", "{:,.0f}"),
}
_BEGIN, _END = "<!-- table: written by kws study -->", "<!-- end of table -->"


def markdown(result: dict) -> str:
    """A table with a row for each cell: means over its seeds ± standard deviation."""
    rows = [row for row in result["rows"] if row["seeds"]]
    keys = [key for key in _COLUMNS if any(key in row["mean"] for row in rows)]
    references = list(dict.fromkeys(key for row in rows for key in row.get("reference", {})))
    header = ["", *(_COLUMNS[key][0] for key in keys), "seeds", *references]
    lines = [header, ["---", *["--:"] * (len(header) - 1)]]
    for row in rows:
        own = [str(row.get("reference", {}).get(key, "")) for key in references]
        lines.append(
            [row["name"], *(_cell(row, key) for key in keys), str(len(row["seeds"])), *own]
        )
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def into_page(page: Path, title: str, table: str) -> str:
    """The page's text with the table instead of its last one; a new page if there is none."""
    text = page.read_text(encoding="utf-8") if page.exists() else f"# {title}\n\n{_BEGIN}\n{_END}\n"
    if _BEGIN not in text or _END not in text:
        text += f"\n{_BEGIN}\n{_END}\n"
    before, rest = text.split(_BEGIN, 1)
    return f"{before}{_BEGIN}\n{table}{_END}{rest.split(_END, 1)[1]}"


def pareto_picture(result: dict, path: Path) -> None:
    """Draw accuracy against bytes of the file and against time; a line joins the best."""
    from matplotlib.figure import Figure

    rows = [row for row in result["rows"] if row["seeds"]]
    figure = Figure(figsize=(12, 4.5), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for axis, key, label in (
        (axes[0], "file_bytes", "bytes of the file"),
        (axes[1], "us_per_second_of_audio", "µs per second of audio"),
    ):
        shown = [row for row in rows if key in row["mean"]]
        x = np.array([row["mean"][key] for row in shown])
        y = 100 * np.array([row["mean"]["accuracy"] for row in shown])
        for k, row in enumerate(shown):
            spread = 100 * row["deviation"].get("accuracy", 0)
            style = {"color": f"C{k % 10}", "fmt": "os^Dv"[k // 3 % 5], "capsize": 3}
            axis.errorbar(x[k], y[k], spread, label=row["name"], **style)
        best = front(x, y)
        axis.plot(x[best], y[best], color="grey", linewidth=1, zorder=0)
        axis.set_xscale("log")
        axis.set_xlabel(label)
        axis.tick_params(axis="x", which="minor", labelsize=7)
        axis.grid(alpha=0.3)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", fontsize=8)
    axes[0].set_ylabel("accuracy, %")
    figure.suptitle(result["title"])
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=120)


def front(costs: np.ndarray, values: np.ndarray) -> list[int]:
    """Indices of the points that no cheaper point equals or beats, by rising cost.

    costs, values: (points,).
    """
    best, highest = [], -np.inf
    for k in np.lexsort((-values, costs)):
        if values[k] > highest:
            best.append(int(k))
            highest = values[k]
    return best


def _cell(row: dict, key: str) -> str:
    if key not in row["mean"]:
        return ""
    form = _COLUMNS[key][1]
    text = form.format(row["mean"][key])
    spread = row["deviation"].get(key)
    exact = key in ("parameters", "file_bytes", "us_per_second_of_audio")
    return text if spread is None or exact else f"{text} ± {form.format(spread)}"

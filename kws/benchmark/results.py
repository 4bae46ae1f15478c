"""Where a benchmark's figures go: FILE.json, a page in FILE.md, perhaps a picture in FILE.png."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from kws.utils.files import write_text
from kws.utils.provenance import provenance

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Column = str | Callable[[dict], str]


def write_results(
    path_json: Path | str,
    contents: dict,
    page: Callable[[dict], str],
    picture: "Figure | None" = None,
) -> dict:
    """Write contents with "made_by" as JSON, and a page of that and the picture beside it.

    Returns what is written as JSON.
    """
    path, result = Path(path_json), {"made_by": provenance(), **contents}
    write_text(path, json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    write_text(path.with_suffix(".md"), page(result))
    if picture:
        from kws.report.figures import save

        save(picture, path.with_suffix(".png"))
    return result


def markdown_page(title: str, result: dict, *parts: str) -> str:
    """Title, method, the parts, and at the end what made the result.

    result: with "method" and "made_by" (of ``provenance``), perhaps "versions" of more packages.
    """
    made = result["made_by"]
    versions = made["versions"] | result.get("versions", {})
    packages = ", ".join(f"{name} {version}" for name, version in versions.items())
    origin = (
        f"Made by `{made['command']}` on {made['date']}, revision {made['revision']}. "
        f"Machine: {made['machine']}. Packages: {packages}."
    )
    return "\n\n".join([f"# {title}", result["method"], *parts, origin]) + "\n"


def markdown_table(columns: Mapping[str, Column], rows: Collection[dict], texts: int = 1) -> str:
    """A table in Markdown; the first ``texts`` columns to the left, the others to the right.

    columns: by their titles, a format string for a row's figures or a function of the row. A cell
    is empty where the row lacks a figure. A column whose cells are all empty is left out.
    """
    cells = {title: [_cell(column, row) for row in rows] for title, column in columns.items()}
    cells = {title: column for title, column in cells.items() if any(column)}
    marks = "---|" * texts + "---:|" * (len(cells) - texts)
    head, *lines = [
        f"| {' | '.join(line)} |" for line in (cells, *zip(*cells.values(), strict=True))
    ]
    return "\n".join([head, f"|{marks}", *lines])


def installed_versions(packages: Sequence[str]) -> dict[str, str]:
    """The versions of those packages that are installed."""
    versions = {}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _cell(column: Column, row: dict) -> str:
    try:
        return column.format_map(row) if isinstance(column, str) else column(row)
    except (KeyError, TypeError):
        return ""

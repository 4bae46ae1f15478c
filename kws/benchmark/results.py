"""Where a benchmark's figures go: FILE.json, a table in FILE.md, perhaps a picture in FILE.png."""

import json
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path

from kws.utils.files import replacing, write_text


def write_results(
    path_json: Path | str,
    result: dict,
    table: Callable[[dict], str],
    picture: Callable[[dict, Path], None] | None = None,
) -> None:
    """Write ``result`` as JSON, and what table and picture make of it beside that."""
    path = Path(path_json)
    write_text(path, json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    write_text(path.with_suffix(".md"), table(result))
    if picture:
        with replacing(path.with_suffix(".png")) as temporary:
            picture(result, temporary)


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]], texts: int = 0) -> str:
    """Rows as a table in Markdown: ``texts`` columns to the left, figures to the right."""
    marks = "---|" * texts + "---:|" * (len(header) - texts)
    lines = [f"| {' | '.join(cells)} |" for cells in (header, *rows)]
    return "\n".join([lines[0], f"|{marks}", *lines[1:]])


def made_by(result: dict) -> str:
    """The command, the machine and the versions behind a result, as a sentence."""
    parts = (result["made_by"], result.get("versions", {}))
    facts = [", ".join(f"{name} {value}" for name, value in part.items()) for part in parts]
    return "; ".join(filter(None, facts)) + "."


def installed_versions(packages: Sequence[str]) -> dict[str, str]:
    """The versions of those that are installed."""
    versions = {}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions

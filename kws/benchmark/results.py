"""Where a benchmark's figures go: FILE.json, a table in FILE.md, perhaps a picture in FILE.png."""

import json
from collections.abc import Callable
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

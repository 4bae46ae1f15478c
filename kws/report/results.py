"""Reads results files for the report and recognises which command wrote each."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kws.utils.errors import KwsError


@dataclass(frozen=True)
class Result:
    """One results file.

    kind: "keyword" or "words" of ``kws score``, "classes" of ``kws evaluate`` or ``kws train``,
    "rows" of ``kws bench``. name: the model's, or the file's if it has results of several models.
    """

    path: Path
    kind: str
    name: str
    data: dict


def read_results(paths: Sequence[Path]) -> list[Result]:
    """The results in files, and in all files beside a model.

    paths: results files, .tflite files, or folders. Raises KwsError if one of them has no results
    of kws.
    """
    results: list[Result] = []
    for path in paths:
        if path.suffix == ".tflite":
            path = path.parent
        files = sorted(path.glob("*.json")) if path.is_dir() else [path]
        found = [result for file in files for result in _read(file)]
        if not found:
            raise KwsError(
                f"{path}: holds no results; 'kws score', 'kws evaluate' and 'kws bench' write some"
                " with --json",
                2,
            )
        results += found
    return [_with_unique_name(result, results) for result in results]


def _with_unique_name(result: Result, results: Sequence[Result]) -> Result:
    """A result with its file's name added if another one of its kind is of the same model."""
    same = [other for other in results if (other.kind, other.name) == (result.kind, result.name)]
    if len(same) == 1:
        return result
    return replace(result, name=f"{result.name} ({result.path.stem})")


def _read(path: Path) -> list[Result]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise KwsError(f"{path}: cannot be read ({error.strerror})", 2) from error
    except ValueError as error:
        raise KwsError(f"{path}: is not JSON ({error})", 2) from error
    if not isinstance(data, dict):
        return []
    if isinstance(data.get("synthetic"), dict):  # kws new-keyword
        data = {**data["synthetic"], "made_by": data.get("made_by")}
    if isinstance(data.get("det"), list) and "conditions" in data:
        return [Result(path, "keyword", data["model"]["name"], data)]
    if isinstance(data.get("words"), dict) and "frr_at_fa_per_hour" in data:
        return [Result(path, "words", data["model"]["name"], data)]
    if "confusion" in data:
        name = Path(data.get("model", {}).get("file", path.name)).stem
        return [Result(path, "classes", f"{path.absolute().parent.name}/{name}", data)]
    if isinstance(data.get("validation"), dict) and "parameters" in data:
        made_by = {"made_by": data.get("made_by")}
        return [
            Result(path, "classes", f"{data['name']}/{form}", {**one, **made_by})
            for form, one in data["validation"].items()
            if isinstance(one, dict) and "confusion" in one
        ]
    rows = data.get("rows")
    if isinstance(rows, list) and rows and isinstance(rows[0], dict):
        return [Result(path, "rows", path.stem, data)]
    return []

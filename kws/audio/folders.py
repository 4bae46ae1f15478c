"""Which recordings a folder holds, and what is left out and why.

Links to folders and to files are followed. Everything that reads a folder of recordings asks here.
"""

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kws.audio.io import SUFFIXES
from kws.utils.errors import KwsError

# Formats of recordings that are not read.
OTHER_SUFFIXES = {
    *(".3gp", ".aac", ".ac3", ".aifc", ".amr", ".ape", ".caf", ".m4a", ".m4b", ".mka", ".mkv"),
    *(".mov", ".mp2", ".mp4", ".oga", ".ogv", ".ra", ".spx", ".w64", ".weba", ".webm", ".wma"),
    *(".wv", ".sph"),
}


@dataclass(frozen=True)
class Survey:
    """What a folder holds: the recordings, sorted, and how many were left out by reason."""

    folder: Path
    paths: list[Path]
    left_out: Mapping[str, int]

    def summary(self, labels: Iterable[str] = ()) -> str:
        """One line for a person: what was read, what was left out and why.

        labels: the label of each recording, to count them by label.
        """
        text = f"{self.folder}: read {len(self.paths):,}"
        counts = Counter(labels)
        if counts:
            text += f" ({', '.join(f'{name} {counts[name]:,}' for name in sorted(counts))})"
        return text + (f"; {self.left_out_summary()}" if self.left_out else "")

    def left_out_summary(self) -> str:
        """``left out 3: hidden (1), a broken link (2)``; empty if nothing was left out."""
        reasons = ", ".join(f"{reason} ({count:,})" for reason, count in self.left_out.items())
        return f"left out {sum(self.left_out.values()):,}: {reasons}" if reasons else ""


def survey(folder: Path | str) -> Survey:
    """Look for recordings in ``folder`` and the folders below it.

    Left out are what is hidden (its name begins with a dot), links that lead nowhere, links to a
    folder that they are in themselves, folders that cannot be opened, and audio in formats that
    are not read. Files that are no audio are not mentioned. Raises KwsError if there is no such
    folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise KwsError(f"{folder}: no such folder", 2)
    paths, left_out = [], Counter()

    def cannot_open(_: OSError) -> None:
        left_out["a folder that cannot be opened"] += 1

    lineages = {os.fspath(folder): {_identity(folder)}}  # a folder and all that are above it
    for here, subfolders, files in os.walk(folder, onerror=cannot_open, followlinks=True):
        for name in list(subfolders):
            below = os.path.join(here, name)
            reason = _folder_fault(below, lineages[here])
            if reason:
                left_out[reason] += 1
                subfolders.remove(name)
            else:
                lineages[below] = lineages[here] | {_identity(below)}
        for name in files:
            path = Path(here, name)
            reason = _file_fault(path)
            if reason:
                left_out[reason] += 1
            elif path.suffix.lower() in SUFFIXES and not name.startswith("."):
                paths.append(path)
    return Survey(folder, sorted(paths), dict(sorted(left_out.items())))


def find(folder: Path | str) -> list[Path]:
    """The recordings of ``survey(folder)``, sorted."""
    return survey(folder).paths


def _folder_fault(path: str, lineage: set[tuple[int, int]]) -> str | None:
    """Why a folder is left out, or None if it is read."""
    if os.path.basename(path).startswith("."):
        return "hidden"
    return "a link loop" if _identity(path) in lineage else None


def _file_fault(path: Path) -> str | None:
    """Why a file that looks like a recording is left out; None if it is read or is none."""
    suffix = path.suffix.lower()
    is_audio = suffix in SUFFIXES or suffix in OTHER_SUFFIXES
    if path.name.startswith("."):
        return "hidden" if is_audio else None
    if is_audio and path.is_file():
        return None if suffix in SUFFIXES else f"{suffix} cannot be read"
    if path.is_symlink() and not path.exists():
        return "a broken link"
    return "not a regular file" if is_audio else None


def _identity(path: Path | str) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_dev, status.st_ino

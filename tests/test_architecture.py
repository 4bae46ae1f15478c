"""The house keeps its plan (docs/architecture.md): who imports whom, and what an import costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

# A room imports only rooms of lower lines.
LINES = (
    ("cli",),
    ("studies", "wakeword"),
    ("pipeline", "benchmark"),
    ("training", "convert"),
    ("recipe", "synthesis", "evaluation"),
    ("datasets", "runtime"),
    ("networks", "tflite", "frontend", "audio", "report"),
    ("structured", "labels", "native"),
    ("utils",),
)
LEVEL = {room: -number for number, line in enumerate(LINES) for room in line}
# What belongs to no room: the package itself, and ``python -m kws``.
DOORS = {"__init__", "__main__"}


def room_of(path: Path) -> str:
    return path.relative_to(ROOT / "kws").parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    """Rooms that a file imports anything of, at its top or within a function."""
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "kws":
            rooms |= {alias.name for alias in node.names if alias.name != "__version__"}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("kws."):
            rooms.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            rooms |= {
                alias.name.split(".")[1] for alias in node.names if alias.name.startswith("kws.")
            }
    return rooms


FILES = sorted(path for path in (ROOT / "kws").rglob("*.py") if room_of(path) not in DOORS)


def test_every_room_has_its_line():
    assert {room_of(path) for path in FILES} == set(LEVEL)


@pytest.mark.parametrize("room", LEVEL)
def test_rooms_import_only_what_is_below_them(room):
    wrong = [
        f"{path.relative_to(ROOT)} imports kws.{other}"
        for path in FILES
        if room_of(path) == room
        for other in sorted(imported_rooms(path) - {room})
        if LEVEL[other] >= LEVEL[room]
    ]
    assert wrong == []


def test_structured_imports_nothing_else_of_kws():
    wrong = [
        path
        for path in FILES
        if room_of(path) == "structured" and imported_rooms(path) - {"structured"}
    ]
    assert wrong == []


def test_tests_mirror_the_rooms():
    rooms = {
        path.name for path in (ROOT / "kws").iterdir() if path.is_dir() and path.name[0] != "_"
    }
    for path in (ROOT / "tests").rglob("test_*.py"):
        folder = path.relative_to(ROOT / "tests").parts[0]
        assert folder in rooms | {"export", path.name}, path


@pytest.mark.parametrize(
    ("command", "absent"),
    [
        ("import kws", ["numpy", "kws.runtime"]),
        ("import kws.runtime", ["keras", "tensorflow", "scipy", "kws.datasets", "kws.convert"]),
        ("from kws.tflite import inspect, metadata", ["keras", "tensorflow", "scipy"]),
        ("from kws import recipe", ["keras", "tensorflow", "scipy"]),
        ("import kws.structured", ["kws.utils", "kws.training", "kws.networks", "kws.runtime"]),
    ],
)
def test_an_import_loads_no_more_than_it_says(command, absent):
    code = f"import sys; {command}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(absent) & set(run.stdout.split()) == set()

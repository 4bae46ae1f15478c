"""What made a result: revision, versions, machine, command."""

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path


def provenance() -> dict:
    """A description of the code and the machine, to stand in every results file."""
    # A folder's place on this machine says nothing to anybody else.
    shown = [Path(word).name if Path(word).is_absolute() else word for word in sys.argv[1:]]
    return {
        "command": " ".join(["kws", *shown]),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "revision": _revision(),
        "versions": {
            name: metadata.version(name)
            for name in ("kws", "numpy", "keras", "tensorflow-cpu", "tensorflow", "ai-edge-litert")
            if _installed(name)
        },
        "machine": f"{_processor()}, {os.cpu_count()} cores, {platform.system()} "
        f"{platform.machine()}, Python {platform.python_version()}",
    }


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _revision() -> str | None:
    """The checkout's commit, marked if files differ from it; None outside a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or "unknown processor"

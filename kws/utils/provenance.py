"""What made a result: command, date, revision, versions, machine."""

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

PACKAGES = ("kws", "numpy", "keras", "tensorflow-cpu", "tensorflow", "ai-edge-litert")


def provenance() -> dict:
    """A description of the code and the machine, for every results file."""
    # The folders of this machine mean nothing to a reader elsewhere.
    shown = [Path(word).name if Path(word).is_absolute() else word for word in sys.argv[1:]]
    versions = {name: _version(name) for name in PACKAGES}
    return {
        "command": " ".join(["kws", *shown]),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "revision": _revision(),
        "versions": {name: version for name, version in versions.items() if version},
        "machine": f"{_processor()}, {os.cpu_count()} cores, {platform.system()} "
        f"{platform.machine()}, Python {platform.python_version()}",
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _revision() -> str | None:
    """The checkout's commit, marked if files differ from it; None outside a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or "unknown processor")

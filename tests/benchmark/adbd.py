"""Debian's adbd for Linux, a real Android debug daemon, for tests.

Debian 12 has only the client; the daemon is in the next release. It and its libraries are taken
apart into a folder with a private configuration of apt, and run with their own loader.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

SOURCES = Path("/etc/apt/sources.list.d/debian.sources")
RELEASE = "trixie"
PROGRAMS = ("adb", "apt-get", "dpkg-deb", "unshare", "mount", "ip")


def unavailable() -> str | None:
    """Why the daemon cannot be had here, or None."""
    if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
        return f"no {', '.join(missing)} here"
    if not SOURCES.is_file() or os.geteuid() != 0:
        return "takes Debian's apt, and root for a network of its own"
    return None


def fetch(folder: Path) -> Path:
    """The daemon's root folder, fetched if it is not there yet.

    Raises subprocess.CalledProcessError if it cannot be fetched.
    """
    root = folder / "root"
    if (folder / "done").is_file():
        return root
    state, cache, status = folder / "state", folder / "cache", folder / "status"
    for part in (state / "lists" / "partial", cache / "archives" / "partial", root):
        part.mkdir(parents=True, exist_ok=True)
    status.touch()
    # The first entry is the release; security and the like come after an empty line.
    entry = SOURCES.read_text().split("\n\n")[0].splitlines()
    lines = [f"Suites: {RELEASE}" if line.startswith("Suites:") else line for line in entry]
    (folder / "debian.sources").write_text("\n".join(lines) + "\n")
    options = {
        "Dir::State": state,
        "Dir::State::status": status,
        "Dir::Cache": cache,
        "Dir::Etc::sourcelist": folder / "debian.sources",
        "Dir::Etc::sourceparts": "-",
        "APT::Sandbox::User": "root",
    }
    apt = ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in options.items())]
    subprocess.run([*apt, "update"], check=True, stdout=sys.stderr)
    install = ["-y", "--no-install-recommends", "--download-only", "install", "adbd"]
    subprocess.run([*apt, *install], check=True, stdout=sys.stderr)
    for package in sorted((cache / "archives").glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", package, root], check=True)
    shutil.rmtree(state)
    shutil.rmtree(cache)
    (folder / "done").touch()
    return root


def start(root: Path) -> subprocess.Popen:
    """The daemon, listening on port 5555 of every address: for a network of its own only."""
    libraries = root / "usr" / "lib" / "x86_64-linux-gnu"
    loader = root / "usr" / "lib64" / "ld-linux-x86-64.so.2"
    program = root / "usr" / "lib" / "android-sdk" / "platform-tools" / "adbd"
    path = f"{libraries}:{libraries / 'android'}"
    command = [loader, "--library-path", path, program]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

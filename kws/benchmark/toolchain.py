"""The C programs of export/, built by CMake where a benchmark needs them."""

import shutil
import subprocess
from pathlib import Path

from kws.utils.errors import KwsError

CHECKOUT = Path(__file__).parents[2]
AARCH64 = CHECKOUT / "export" / "toolchains" / "aarch64-linux-gnu.cmake"


def build(folder: str, targets: list[str], *options: str) -> Path:
    """Configure build/``folder`` of the checkout with CMake's options and build the targets there.

    Returns the folder. Raises KwsError without a checkout or CMake, or with the compiler's last
    line if it fails.
    """
    if not (CHECKOUT / "export").is_dir():
        raise KwsError("the C sources are not here; run this in a checkout of kws")
    require_program("cmake", "cmake")
    there = CHECKOUT / "build" / folder
    command = ["cmake", "-S", str(CHECKOUT), "-B", str(there), *options]
    _run(command, "cannot configure the C sources")
    _run(["cmake", "--build", str(there), "--target", *targets], "cannot build the C sources")
    return there


def build_for_aarch64(targets: list[str]) -> Path:
    """Cross-build with Debian's compiler; returns and raises as ``build``."""
    require_program("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu")
    return build("aarch64", targets, "--toolchain", str(AARCH64))


def require_program(program: str, package: str) -> None:
    """Raise KwsError, which names Debian's package, if a program is missing."""
    if shutil.which(program) is None:
        raise KwsError(f"no {program} here; on Debian: apt-get install {package}")


def _run(command: list[str], failure: str) -> None:
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode != 0:
        lines = [line for line in run.stderr.splitlines() if line.strip()]
        raise KwsError(f"{failure}: {lines[-1].strip() if lines else run.returncode}")

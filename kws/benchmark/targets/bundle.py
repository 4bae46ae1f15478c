"""kws_runner with everything that it needs on a machine that has nothing of it."""

import functools
import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from kws.benchmark.tflite_library import tflite_library
from kws.benchmark.toolchain import build, build_for_aarch64, require_program
from kws.utils.errors import KwsError

_ABIS = {"aarch64": "arm64-v8a", "x86_64": "x86_64"}
MACHINES = tuple(_ABIS)


@dataclass(frozen=True)
class Bundle:
    """files: by their names in one folder there. command: starts the runner in that folder; a model
    and options follow."""

    files: dict[str, Path]
    command: str


@functools.cache
def bundle(machine: str, tflite: Path | None = None) -> Bundle:
    """The bundle for one of MACHINES.

    tflite: TFLite's C library; if None, the one that tflite_library finds. With a library for
    glibc, the bundle holds glibc itself and its loader, which run on Android too. With a library
    for Android (libtensorflowlite_jni.so of LiteRT's AAR), the runner is built with $ANDROID_NDK.
    Raises KwsError in one line if something is missing.
    """
    library = tflite_library(machine, tflite)
    if "libc.so" in _needed(library):
        return _android(machine, library)
    native = machine == platform.machine()
    folder = build("host", ["kws_runner"]) if native else build_for_aarch64(["kws_runner"])
    runner = folder / "kws_runner"
    compiler = "gcc" if native else f"{machine}-linux-gnu-gcc"
    require_program(compiler, compiler)
    loader = re.search(r"program interpreter: .*/(.*)\]", _readelf("--segments", runner))[1]
    files = {"kws_runner": runner, library.name: library, loader: _library_of(compiler, loader)}
    missing = _needed(runner) | _needed(library)
    while names := missing - set(files):
        for name in names:
            files[name] = _library_of(compiler, name)
            missing |= _needed(files[name])
    start = f"./{loader} --library-path . ./kws_runner --tflite-lib ./{library.name}"
    return Bundle(files, start)


def _android(machine: str, library: Path) -> Bundle:
    kit = os.environ.get("ANDROID_NDK")
    toolchain = Path(kit or "", "build", "cmake", "android.toolchain.cmake")
    if not kit or not toolchain.is_file():
        raise KwsError(
            f"{library.name} is for Android's C library, and so must kws_runner be: set "
            "ANDROID_NDK to an NDK's folder, or leave --tflite-lib out"
        )
    abi = f"-DANDROID_ABI={_ABIS[machine]}"
    options = ("--toolchain", str(toolchain), abi, "-DANDROID_PLATFORM=android-26")
    runner = build(f"android-{machine}", ["kws_runner"], *options) / "kws_runner"
    files = {"kws_runner": runner, library.name: library}
    return Bundle(files, f"LD_LIBRARY_PATH=. ./kws_runner --tflite-lib ./{library.name}")


def _needed(file: Path) -> set[str]:
    """Names of the libraries that a program or library is linked with."""
    return set(re.findall(r"\(NEEDED\).*\[(.*)\]", _readelf("--dynamic", file)))


def _readelf(option: str, file: Path) -> str:
    require_program("readelf", "binutils")
    command = ["readelf", "--wide", option, str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _library_of(compiler: str, name: str) -> Path:
    """The path of a library in a compiler's folders."""
    command = [shutil.which(compiler), f"-print-file-name={name}"]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    if not Path(found).is_absolute():
        raise KwsError(f"{compiler} has no {name}")
    return Path(found)

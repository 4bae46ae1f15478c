"""Folders of recordings, with real links: what is read, what is left out and why."""

import os

import numpy as np
import pytest

from kws import audio
from kws.utils.errors import KwsError
from kws.utils.files import replacing


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "clips" / "up").mkdir(parents=True)
    write(tmp_path / "clips" / "up" / "b.wav")
    write(tmp_path / "clips" / "a.flac")
    return tmp_path / "clips"


def write(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    audio.write(path, np.zeros(160, np.float32))


def names(folder):
    return [path.relative_to(folder).as_posix() for path in audio.find(folder)]


def test_recordings_are_found_in_folders_and_sorted(folder):
    for name in ("validation_list.txt", "README", "recipe.toml", "up/labels.json"):
        (folder / name).write_text("no recording")
    write(folder / "up" / "deep" / "C.WAV")
    survey = audio.survey(folder)
    assert names(folder) == ["a.flac", "up/b.wav", "up/deep/C.WAV"]
    assert survey.paths == audio.find(folder)
    assert survey.left_out == {}
    assert survey.summary() == f"{folder}: read 3"


def test_links_to_folders_and_files_are_followed(folder, tmp_path):
    write(tmp_path / "elsewhere" / "c.wav")
    (folder / "down").symlink_to(tmp_path / "elsewhere")
    (folder / "up" / "link.wav").symlink_to(tmp_path / "elsewhere" / "c.wav")
    (folder / "also_up").symlink_to("up")  # the same folder under another name
    assert names(folder) == [
        *("a.flac", "also_up/b.wav", "also_up/link.wav", "down/c.wav", "up/b.wav", "up/link.wav"),
    ]
    assert audio.survey(folder).left_out == {}
    linked = tmp_path / "linked"
    linked.symlink_to(folder)
    assert names(linked) == names(folder)


def test_what_is_hidden_is_left_out(folder):
    write(folder / "up" / "._b.wav")
    write(folder / ".trash" / "old.wav")
    (folder / ".DS_Store").write_bytes(b"no recording")
    with replacing(folder / "up" / "c.wav") as killed:  # a synthesis that is killed leaves this
        write(killed)
        assert names(folder) == ["a.flac", "up/b.wav"]
        assert audio.survey(folder).left_out == {"hidden": 3}


def test_broken_links_are_left_out(folder):
    (folder / "up" / "gone.wav").symlink_to("nowhere.wav")
    (folder / "gone").symlink_to("nowhere")
    (folder / "up" / "self.wav").symlink_to("self.wav")
    assert names(folder) == ["a.flac", "up/b.wav"]
    assert audio.survey(folder).left_out == {"a broken link": 3}


def test_link_loops_end(folder):
    (folder / "up" / "again").symlink_to(folder)
    (folder / "up" / "here").symlink_to(".")
    (folder / "down").mkdir()
    (folder / "down" / "to_up").symlink_to(folder / "up")
    assert names(folder) == ["a.flac", "down/to_up/b.wav", "up/b.wav"]
    assert audio.survey(folder).left_out == {"a link loop": 4}


def test_other_formats_are_left_out(folder):
    for name in ("x.m4a", "y.M4A", "up/z.webm"):
        (folder / name).write_bytes(b"audio, but in no format that is read")
    assert names(folder) == ["a.flac", "up/b.wav"]
    survey = audio.survey(folder)
    assert survey.left_out == {".m4a cannot be read": 2, ".webm cannot be read": 1}
    assert survey.summary(["up", "down"]) == (
        f"{folder}: read 2 (down 1, up 1); "
        "left out 3: .m4a cannot be read (2), .webm cannot be read (1)"
    )


def test_what_is_no_file_is_left_out(folder):
    os.mkfifo(folder / "pipe.wav")
    assert audio.survey(folder).left_out == {"not a regular file": 1}


def test_folders_that_cannot_be_opened_are_left_out(folder, monkeypatch):
    scandir = os.scandir

    def refuse(path):
        if os.fspath(path).endswith("up"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)  # root may open every folder
    assert names(folder) == ["a.flac"]
    assert audio.survey(folder).left_out == {"a folder that cannot be opened": 1}


@pytest.mark.parametrize("name", ["nowhere", "up/b.wav"])
def test_what_is_no_folder_is_refused(folder, name):
    with pytest.raises(KwsError, match="no such folder") as error:
        audio.survey(folder / name)
    assert error.value.exit_code == 2

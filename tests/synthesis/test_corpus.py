"""A corpus of recordings and synthetic clips."""

import numpy as np
import pytest
import soundfile

from kws.datasets import clips
from kws.synthesis import corpus
from kws.synthesis.corpus import complete

pytest.importorskip("pyworld")


def write(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(8000) / 16000
    tone = sum(np.sin(2 * np.pi * (140 + seed) * k * time) / k for k in range(1, 9))
    soundfile.write(path, np.pad(0.2 * tone, 4000).astype(np.float32), 16000)


@pytest.fixture
def folders(tmp_path):
    for seed in range(40):  # enough speakers for each side of the split
        write(tmp_path / "recorded" / "go" / f"speaker{seed}_nohash_0.wav", seed)
    write(tmp_path / "recorded" / "_background_noise_" / "hum.wav", 1)
    for seed in range(3):
        write(tmp_path / "made" / "go" / f"robot_nohash_{seed}.wav", seed)
        write(tmp_path / "made" / "stop" / f"robot_nohash_{seed}.wav", seed)
    return tmp_path


def test_recordings_keep_their_side_and_nothing_synthetic_is_validated_with(folders, monkeypatch):
    monkeypatch.setattr(corpus, "FEW", 0)
    told = complete(folders / "recorded", [folders / "made"], ["go"], folders / "out")
    assert told == [
        f"{folders}/recorded: read 40 (go 40); left out 1: in _background_noise_ (1)",
        f"{folders}/made: read 6",
    ]
    before = {c.path.name: c.split for c in clips.scan(folders / "recorded")}
    after = {c.path.name: c.split for c in clips.scan(folders / "out")}
    assert {name: after[name] for name in before} == before
    made = {name: split for name, split in after.items() if name not in before}
    assert set(made) == {f"made-robot_nohash_{seed}.wav" for seed in range(3)}
    assert set(made.values()) == {"training"}
    synthetic = {c.path.name for c in clips.scan(folders / "out") if c.synthetic}
    assert synthetic == set(made)
    assert (folders / "out" / "_background_noise_" / "hum.wav").is_file()
    assert len(list((folders / "out" / "stop").iterdir())) == 3  # will be _unknown_


def test_words_with_few_recordings_get_converted_voices(folders, monkeypatch):
    monkeypatch.setattr(corpus, "CONVERTED", 2)
    out = folders / "out"
    complete(folders / "recorded", [], ["go"], out, few={"go": 3})
    found = [c.path.name for c in clips.scan(out) if c.split == "training"]
    altered = [name for name in found if name.startswith("altered-")]
    assert len(altered) == 6
    assert len(found) == 9
    kept = {path: path.stat().st_mtime_ns for path in out.rglob("*.opus")}
    complete(folders / "recorded", [], ["go"], out, few={"go": 3})
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.opus")} == kept

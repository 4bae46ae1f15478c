"""Folders of clips: the official split, labels, lengths and the cache of decoded clips."""

import numpy as np
import pytest

from kws import audio
from kws.datasets import clips
from kws.utils.errors import KwsError
from tests import tones


@pytest.mark.parametrize(
    ("name", "split"),
    [
        # From the data set's own testing_list.txt and validation_list.txt.
        ("right/bb05582b_nohash_3.wav", "testing"),
        ("right/a69b9b3e_nohash_0.wav", "validation"),
        ("right/0e17f595_nohash_1.wav", "validation"),
        # The example in the data set's README: same speaker, same side.
        ("bed/bobby_nohash_0.wav", clips.speaker_split("cat/bobby_nohash_7.opus")),
    ],
)
def test_the_official_rule(name, split):
    assert clips.speaker_split(name) == split


def test_the_rule_gives_the_shares_it_is_asked_for():
    splits = [clips.speaker_split(f"{k:08x}_nohash_0.wav", 20, 30) for k in range(5000)]
    shares = {name: splits.count(name) / 5000 for name in clips.SPLITS}
    assert shares["validation"] == pytest.approx(0.2, abs=0.02)
    assert shares["testing"] == pytest.approx(0.3, abs=0.02)


def test_lists_decide_where_they_are(tmp_path):
    tones.write_corpus(tmp_path, clips=8)
    found = clips.scan(tmp_path)
    assert len(found) == 24
    assert sorted({c.path.name for c in found if c.split == "validation"}) == [
        "speaker6_nohash_0.wav",
        "speaker7_nohash_0.wav",
    ]


def test_labels_lengths_and_levels(tmp_path):
    tones.write_corpus(tmp_path, clips=4)
    (tmp_path / clips.NOISE).mkdir()
    audio.write(tmp_path / clips.NOISE / "hum.wav", np.zeros(100))
    loaded = clips.load(clips.scan(tmp_path), ["low", "high"], 16000)
    assert loaded.samples.shape == (12, 16000)
    assert np.bincount(loaded.labels).tolist() == [4, 4, 4]  # low, high, other as unknown
    expected = clips.fit(tones.tone("high", 0), 16000)
    np.testing.assert_allclose(loaded.samples[0] / 32768, expected, atol=1e-4)


def test_clips_are_decoded_once(tmp_path, monkeypatch):
    tones.write_corpus(tmp_path, clips=4)
    found = clips.scan(tmp_path)
    first = clips.load(found, ["low"], 8000)
    monkeypatch.setattr(audio, "read", lambda path: pytest.fail("decoded again"))
    again = clips.load(found, ["low"], 8000)
    np.testing.assert_array_equal(first.samples, again.samples)


@pytest.mark.parametrize("length", [1, 7, 100, 101, 250])
def test_fit_keeps_the_loud_part_or_centres(length):
    clip = np.zeros(100, np.float32)
    clip[70:75] = 1
    fitted = clips.fit(clip, length)
    assert len(fitted) == length
    assert fitted.sum() == min(length, 5)


@pytest.mark.parametrize("make", ["missing", "empty", "flat"])
def test_folders_without_clips_are_refused(tmp_path, make):
    folder = tmp_path / "clips"
    if make != "missing":
        folder.mkdir()
    if make == "flat":
        audio.write(folder / "a.wav", np.zeros(100))
    with pytest.raises(KwsError):
        clips.scan(folder)


def test_links_are_followed_and_keep_their_split(tmp_path):
    tones.write_corpus(tmp_path / "real", clips=4)
    folder = tmp_path / "clips"
    (folder / "low").mkdir(parents=True)
    (folder / "high").symlink_to(tmp_path / "real" / "high")
    for path in (tmp_path / "real" / "low").iterdir():
        (folder / "low" / path.name).symlink_to(path)
    (folder / "validation_list.txt").symlink_to(tmp_path / "real" / "validation_list.txt")
    found = clips.scan(folder)
    assert [(c.word, c.path.name, c.split) for c in found] == [
        (word, f"speaker{k}_nohash_0.wav", "validation" if k == 3 else "training")
        for word in ("high", "low")
        for k in range(4)
    ]
    assert found.summary() == f"{folder}: read 8 (high 4, low 4)"
    loaded = clips.load(found, ["low", "high"], 16000)
    assert np.bincount(loaded.labels).tolist() == [4, 4]


def test_what_is_no_clip_of_a_word_is_told(tmp_path):
    tones.write_corpus(tmp_path, clips=4)
    for name in ("stray.wav", "low/deep/a.wav", f"{clips.NOISE}/hum.wav", "low/._x.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        audio.write(tmp_path / name, np.zeros(100))
    (tmp_path / "low" / "talk.m4a").write_bytes(b"not read")
    (tmp_path / "up").symlink_to("nowhere")
    found = clips.scan(tmp_path)
    expected = {
        ".m4a cannot be read": 1,
        "a broken link": 1,
        "hidden": 1,
        f"in {clips.NOISE}": 1,
        f"directly in {tmp_path}, in no folder of a label": 1,
        "deeper than a label's folder": 1,
    }
    assert found.left_out == expected
    for_training = found.of_splits("training")
    assert len(for_training) == 9
    assert for_training.left_out == {**expected, "for validation": 3}
    assert for_training.summary().startswith(
        f"{tmp_path}: read 9 (high 3, low 3, other 3); left out 9: "
    )
    with pytest.raises(KwsError, match="no clips for testing"):
        found.of_splits("training", "testing")


def test_a_folder_of_other_formats_is_refused_with_the_reason(tmp_path):
    (tmp_path / "up").mkdir()
    (tmp_path / "up" / "a.m4a").write_bytes(b"not read")
    with pytest.raises(KwsError, match=r"holds no clips.*\.m4a cannot be read \(1\)"):
        clips.scan(tmp_path)

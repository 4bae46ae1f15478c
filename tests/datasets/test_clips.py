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
    np.testing.assert_allclose(loaded.samples[0] / 32767, expected, atol=1e-4)


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

"""Speech without the words: which recordings are cut, and how much of it is added."""

import numpy as np
import pytest

from kws import audio
from kws.datasets.clips import ClipSet, speaker_split
from kws.datasets.negatives import add_negatives, cut_negatives, read_speech
from kws.utils.errors import KwsError


def test_negatives_are_cut_from_training_speakers_only(tmp_path):
    time = np.arange(16000 * 5) / 16000
    names = [f"{100 + k}-7-{k}.wav" for k in range(30)]
    for k, name in enumerate(names):
        speech = 0.3 * np.sin(2 * np.pi * (200 + 10 * k) * time)
        audio.write(tmp_path / name, speech.astype(np.float32))
    audio.write(tmp_path / "100-8-0.wav", np.zeros(16000, np.float32))  # a pause is no speech
    cut = cut_negatives(audio.survey(tmp_path), ["low"], 16000)
    of_training = [n for n in names if speaker_split(n.split("-")[0], 20, 0) == "training"]
    assert 0 < len(of_training) < 30
    assert len(cut) == 4 * len(of_training)
    assert cut.samples.shape == (len(cut), 16000)
    assert set(cut.labels) == {1}


@pytest.mark.parametrize("recordings", [0, 3], ids=["no recordings", "only silence"])
def test_a_folder_without_speech_is_refused(tmp_path, recordings):
    for k in range(recordings):
        audio.write(tmp_path / f"{k}.wav", np.zeros(16000, np.float32))
    with pytest.raises(KwsError, match="no recordings of speech"):
        cut_negatives(audio.survey(tmp_path), ["low"], 16000)


def test_unknown_words_stay_half_beside_negatives():
    words = ClipSet(
        np.zeros((4, 10), np.int16), np.array([0, 0, 1, 1], np.int32), np.zeros(4, bool)
    )
    speech = ClipSet(np.ones((8, 10), np.int16), np.ones(8, np.int32), np.zeros(8, bool))
    joined = add_negatives(words, speech)
    of_unknown = joined.samples[joined.labels == 1, 0]
    assert np.sum(of_unknown == 0) == np.sum(of_unknown == 1) == 8
    assert np.sum(joined.labels == 0) == 2


def test_short_recordings_are_joined_and_nothing_is_lost(tmp_path):
    seconds = [5.0, *[0.5] * 20]
    for k, length in enumerate(seconds):
        samples = np.full(int(length * 16000), (k + 1) / 100, np.float32)
        audio.write(tmp_path / f"{k}.wav", samples, subtype="FLOAT")
    read = read_speech(audio.find(tmp_path))
    assert len(read[0]) == 5 * 16000
    assert [len(recording) > 8 * 16000 for recording in read[1:]] == [True, False]
    for k, length in enumerate(seconds):
        level = np.float32((k + 1) / 100)
        assert sum(np.sum(recording == level) for recording in read) == length * 16000

"""Streams hold each recording once, where their segments say."""

import numpy as np
import pytest

from kws import audio
from kws.audio.levels import loudness
from kws.datasets import clips
from kws.datasets.noise import Noise
from kws.evaluation.conditions import Condition
from kws.evaluation.streams import (
    BackgroundStream,
    JoinedStream,
    KeywordStream,
    background_streams,
)
from kws.utils.errors import KwsError
from tests.conftest import QUICKSTART
from tests.evaluation.stand_ins import tones_at


def test_background_streams_hold_every_recording_once(tmp_path):
    for k, seconds in enumerate([0.5, 3, 0.1, 8, 2, 2, 1]):
        audio.write(tmp_path / f"{k}.wav", tones_at([], seconds))
    streams = background_streams([audio.survey(tmp_path)], seconds=4)
    assert [path.name for one in streams for path in one.paths] == [f"{k}.wav" for k in range(7)]
    assert len(streams) > 2


def test_a_background_without_sound_is_refused(tmp_path):
    with pytest.raises(KwsError, match="no recordings"):
        background_streams([audio.survey(tmp_path)])
    audio.write(tmp_path / "empty.wav", np.zeros(0, np.float32))
    [stream] = background_streams([audio.survey(tmp_path)])
    with pytest.raises(KwsError, match="no sound"):
        list(stream.chunks([]))


@pytest.mark.parametrize("kind", ["keyword", "background", "joined"])
def test_segments_say_where_the_recordings_are(kind):
    chosen = clips.scan(QUICKSTART)[::300]
    paths = [clip.path for clip in chosen]
    stream = {
        "keyword": KeywordStream(paths, "yes", Condition("clean")),
        "background": BackgroundStream(paths),
        "joined": JoinedStream(chosen, Noise(), 0, snr_db=60.0),
    }[kind]
    segments = []
    samples = np.concatenate(list(stream.chunks(segments)))
    assert [segment.path for segment in segments] == paths
    between = np.ones(len(samples), bool)
    for segment in segments:
        start, end = round(segment.start * audio.RATE), round(segment.end * audio.RATE)
        recording = audio.read(segment.path)
        assert end - start == len(recording)
        atol = 4 * 10 ** (-60 / 20) if kind == "joined" else 1e-3
        np.testing.assert_allclose(samples[start:end], recording, atol=atol)
        if segment.word_end is not None:
            assert segment.start < segment.word_end <= segment.end
        between[start:end] = False
    assert loudness(samples[between]) < 0.01

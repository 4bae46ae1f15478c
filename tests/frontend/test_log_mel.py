"""The front end against librosa, the Keras layer, and a stream in any chunks."""

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws.frontend.keras_layer import LogMel
from kws.frontend.log_mel import FrontEnd
from kws.utils.errors import KwsError

# float32 against librosa's own float32: errors in ln(power) where power is near the floor.
TOLERANCE = 2e-4


def librosa_log_mel(fe: FrontEnd, samples: np.ndarray) -> np.ndarray:
    # librosa centres the window in the FFT frame; so much padding makes the frames coincide.
    margin = (fe.fft_length - fe.window) // 2
    mel = librosa.feature.melspectrogram(
        y=np.pad(samples, (margin, fe.fft_length - fe.window - margin)),
        sr=fe.rate,
        n_fft=fe.fft_length,
        win_length=fe.window,
        hop_length=fe.hop,
        center=False,
        n_mels=fe.bands,
        fmin=fe.low_hz,
        fmax=fe.high_hz,
        htk=True,
        norm=None,
    )
    return np.log(mel.T + fe.floor)


@pytest.mark.parametrize(
    "fe",
    [FrontEnd(), FrontEnd(bands=32, window_ms=30, low_hz=60), FrontEnd(window_ms=32, hop_ms=20)],
    ids=["default", "32 bands of 30 ms", "window of 512"],
)
def test_equals_librosa_on_speech(fe, speech):
    np.testing.assert_allclose(fe.features(speech), librosa_log_mel(fe, speech), atol=TOLERANCE)


def test_the_keras_layer_is_the_same(speech):
    clips = speech.reshape(2, 16000)
    layer = LogMel(FrontEnd(bands=20))
    for log_mel in (layer, LogMel.from_config(layer.get_config())):
        expected = layer.frontend.features(clips)
        assert log_mel.compute_output_shape((2, 16000)) == expected.shape
        np.testing.assert_allclose(np.array(log_mel(clips)), expected, atol=TOLERANCE)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 3000), max_size=30))
def test_stream_equals_clip_in_any_chunks(sizes):
    fe = FrontEnd()
    samples = np.random.default_rng(len(sizes)).standard_normal(8000).astype(np.float32)
    stream, frames, at = fe.stream(), [], 0
    for size in [*sizes, len(samples)]:
        frames.append(stream.feed(samples[at : at + size]))
        at += size
    np.testing.assert_allclose(np.concatenate(frames), fe.features(samples), atol=1e-5)


def test_broken_samples_of_a_stream():
    fe, samples = FrontEnd(), np.zeros(800, np.float32)
    samples[100:106] = np.nan, np.inf, -np.inf, 2e6, -1e30, 1e6
    mended = np.zeros(800, np.float32)
    mended[100:106] = 0, 1, -1, 1, -1, 1e6
    np.testing.assert_array_equal(fe.stream().feed(samples), fe.features(mended))


def test_counts_of_frames_and_samples():
    fe = FrontEnd()
    assert fe.features(np.zeros(16000)).shape == (98, 40)
    assert fe.features(np.zeros(399)).shape == (0, 40)
    for frames in (1, 2, 98):
        assert fe.frames_in(fe.samples_in(frames)) == frames
        assert fe.frames_in(fe.samples_in(frames) - 1) == frames - 1


def test_description_survives_a_dictionary():
    fe = FrontEnd(bands=20, floor=1e-3)
    assert FrontEnd.from_dict(fe.to_dict()) == fe


@pytest.mark.parametrize(
    "wrong",
    [{"band": 3}, {"rate": 8000}, {"high_hz": 9000.0}, {"hop_ms": 30.0}, {"bands": 200}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_impossible_descriptions_are_refused(wrong):
    with pytest.raises(KwsError):
        FrontEnd.from_dict(wrong)

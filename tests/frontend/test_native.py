"""The device's front end against the definition in NumPy, in any chunks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws.frontend.log_mel import FeatureStream, FrontEnd
from kws.frontend.native import NativeFeatureStream
from kws.native import op_library
from kws.utils.errors import KwsError

pytestmark = pytest.mark.skipif(op_library() is None, reason="the op library was not built")


def assert_same(features, expected):
    """Equal but for rounding: amplitudes to 5e-7 of the loudest band's, 126 dB below it, or to 1e-6
    of their own. With the default front end that is 3e-4 in ln(power) at most, where a tone of
    full scale leaks into a band that holds nothing but the floor."""
    assert features.shape == expected.shape
    assert features.dtype == np.float32
    amplitudes, wanted = np.exp(features / 2.0), np.exp(expected / 2.0)
    loudest = wanted.max(axis=1, keepdims=True, initial=0)
    assert (np.abs(amplitudes - wanted) <= 5e-7 * loudest + 1e-6 * wanted).all()


FRONT_ENDS = [
    FrontEnd(),
    FrontEnd(bands=32, window_ms=30, low_hz=60),
    FrontEnd(window_ms=32, hop_ms=20),
    FrontEnd(window_ms=12.5, hop_ms=12.5, bands=13, floor=1e-6),
    FrontEnd(window_ms=2, hop_ms=1, bands=3, low_hz=0, high_hz=8000),
    FrontEnd(window_ms=100, bands=80, low_hz=300),
]


@pytest.mark.parametrize("fe", FRONT_ENDS, ids=lambda fe: f"{fe.window}-{fe.hop}-{fe.bands}")
def test_equals_numpy_on_speech_noise_and_tones(fe, speech):
    noise = np.random.default_rng(1).standard_normal(16000).astype(np.float32)
    tone = np.sin(0.3 * np.arange(16000, dtype=np.float32))
    for samples in (speech, noise, 1e-3 * noise, tone, np.zeros(16000, np.float32)):
        assert_same(NativeFeatureStream(fe).feed(samples), fe.features(samples))


def test_equals_float64_on_speech(speech):
    fe = FrontEnd()
    frames = np.lib.stride_tricks.sliding_window_view(speech.astype(float), fe.window)[:: fe.hop]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(fe.window) / fe.window)
    power = np.abs(np.fft.rfft(frames * hann, fe.fft_length)) ** 2
    exact = np.log(power @ fe.mel_matrix.astype(float) + fe.floor)
    assert np.abs(NativeFeatureStream(fe).feed(speech) - exact).max() < 5e-5


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from(FRONT_ENDS[:4]), st.lists(st.integers(0, 3000), max_size=30), st.integers(0, 9)
)
def test_any_chunks_give_the_same_numbers(fe, sizes, seed):
    samples = np.random.default_rng(seed).standard_normal(8000).astype(np.float32)
    stream, frames, at = NativeFeatureStream(fe), [], 0
    for size in [*sizes, len(samples)]:
        frames.append(stream.feed(samples[at : at + size]))
        at += size
    np.testing.assert_array_equal(np.concatenate(frames), NativeFeatureStream(fe).feed(samples))
    assert_same(np.concatenate(frames), fe.features(samples))


def test_one_sample_at_a_time():
    fe = FrontEnd()
    samples = np.random.default_rng(1).standard_normal(1000).astype(np.float32)
    stream = NativeFeatureStream(fe)
    frames = np.concatenate([stream.feed(samples[k : k + 1]) for k in range(len(samples))])
    np.testing.assert_array_equal(frames, NativeFeatureStream(fe).feed(samples))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(width=32, allow_nan=True, allow_infinity=True), max_size=60))
def test_whatever_is_fed_features_are_numbers(broken):
    fe = FrontEnd()
    samples = np.zeros(800, np.float32)
    samples[: len(broken)] = broken
    mended = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0)
    mended = np.where(np.abs(mended) > 1e6, np.sign(mended), mended)
    for stream in (NativeFeatureStream, FeatureStream):
        frames = stream(fe).feed(samples)
        assert np.isfinite(frames).all()
        np.testing.assert_array_equal(frames, stream(fe).feed(mended))


def test_other_kinds_of_arrays_are_taken():
    fe = FrontEnd()
    samples = np.random.default_rng(1).standard_normal(3200)
    expected = NativeFeatureStream(fe).feed(samples.astype(np.float32))
    np.testing.assert_array_equal(NativeFeatureStream(fe).feed(samples), expected)
    backwards = samples[::-1].astype(np.float32)[::-1]
    np.testing.assert_array_equal(NativeFeatureStream(fe).feed(backwards), expected)


def test_what_the_library_refuses_is_one_line():
    fe = FrontEnd(floor=1e-40)  # ln of that is no float32 number's
    with pytest.raises(KwsError, match="floor"):
        NativeFeatureStream(fe)

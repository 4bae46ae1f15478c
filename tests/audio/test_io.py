"""Audio files: formats, rates, channels, and files that are not what they say."""

import io
import wave

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kws import audio
from kws.utils.errors import KwsError


def tone(rate: int, seconds: float = 1.0, hertz: float = 440.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_any_rate_becomes_16_khz(tmp_path, rate, suffix):
    path = tmp_path / f"tone{suffix}"
    soundfile.write(path, tone(rate), rate)
    samples = audio.read(path)
    assert samples.dtype == np.float32
    assert abs(len(samples) - 16000) <= 1
    middle = slice(2000, 14000)
    np.testing.assert_allclose(samples[middle], tone(16000)[middle], atol=2e-3)


def test_channels_are_averaged(tmp_path):
    path = tmp_path / "stereo.wav"
    left, right = tone(16000), tone(16000, hertz=300)
    soundfile.write(path, np.stack([left, right], axis=1), 16000, subtype="FLOAT")
    np.testing.assert_allclose(audio.read(path), (left + right) / 2, atol=1e-6)
    assert "2 channels averaged" in audio.describe(path)


def test_what_is_converted_is_told(tmp_path):
    path = tmp_path / "phone.wav"
    soundfile.write(path, tone(8000), 8000)
    assert "nothing above 4000 Hz" in audio.describe(path)
    soundfile.write(path, tone(16000), 16000)
    assert audio.describe(path) is None


@pytest.mark.parametrize("block", [0.01, 0.3, 5.0])
def test_blocks_are_the_whole_file(tmp_path, block):
    path = tmp_path / "long.wav"
    soundfile.write(path, tone(44100, 2.0), 44100)
    pieces = list(audio.blocks(path, block))
    np.testing.assert_allclose(np.concatenate(pieces), audio.read(path), atol=1e-6)


def damaged_files(folder):
    """Name -> path of a file with that damage."""
    whole = folder / "whole.wav"
    soundfile.write(whole, tone(16000), 16000)
    opus = folder / "whole.opus"
    soundfile.write(opus, tone(16000), 16000, format="OGG", subtype="OPUS")
    files = {
        "empty": b"",
        "text": b"this is no sound at all\n" * 20,
        "header only": whole.read_bytes()[:44],
        "truncated wav": whole.read_bytes()[:9000],
        "truncated opus": opus.read_bytes()[:3000],
    }
    paths = {name: folder / f"{name}.wav" for name in files}
    for name, data in files.items():
        paths[name].write_bytes(data)
    return {**paths, "missing": folder / "nowhere.wav", "folder": folder}


@pytest.mark.parametrize(
    "damage",
    ["empty", "text", "header only", "truncated wav", "truncated opus", "missing", "folder"],
)
def test_what_cannot_be_read_is_refused_in_one_line(tmp_path, damage):
    with pytest.raises(KwsError) as refused:
        audio.read(damaged_files(tmp_path)[damage])
    assert "\n" not in str(refused.value)


def test_a_wav_written_to_a_pipe_has_no_length_and_is_read(tmp_path):
    path = tmp_path / "pipe.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes((tone(16000) * 32767).astype("<i2").tobytes())
    data = bytearray(path.read_bytes())
    data[4:8] = b"\xff\xff\xff\xff"
    data[40:44] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    assert len(audio.read(path)) == 16000


def test_raw_pcm_in_odd_pieces():
    class Trickle(io.BytesIO):
        def read(self, size=-1):
            return super().read(min(size, 333))

    pcm = (tone(16000) * 32767).astype("<i2")
    got = np.concatenate(list(audio.raw_blocks(Trickle(pcm.tobytes()))))
    np.testing.assert_array_equal(got, pcm.astype(np.float32) / 32768)


@given(hnp.arrays(np.int16, st.integers(0, 20)))
def test_int16_samples_come_back_exactly(samples):
    floats = audio.from_int16(samples)
    assert floats.dtype == np.float32
    assert (np.abs(floats) <= 1).all()
    np.testing.assert_array_equal(audio.to_int16(floats), samples)


@given(st.floats(-1e6, 1e6, width=32))
def test_floats_are_rounded_to_int16_or_clipped(sample):
    back = audio.from_int16(audio.to_int16(np.float32([sample])))[0]
    nearest = min(max(sample, -1.0), 32767 / 32768)
    assert abs(back - nearest) <= 0.5 / 32768

import numpy as np
import pytest

from kws import audio
from kws.synthesis.voice_conversion import convert_voice


def tone(hertz: float, seconds: float) -> np.ndarray:
    time = np.arange(int(seconds * audio.RATE)) / audio.RATE
    return (0.5 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def test_another_speaker_says_it_at_another_pitch_and_pace():
    pytest.importorskip("pyworld")
    voice = sum(tone(150 * k, 0.6) / k for k in range(1, 12))
    lengths, pitches = [], []
    for seed in range(8):
        made = convert_voice(voice, np.random.default_rng(seed))
        assert made.dtype == np.float32
        assert np.isfinite(made).all()
        lengths.append(len(made) / len(voice))
        middle = made[len(made) // 4 : -len(made) // 4]
        spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 1 << 16))
        cepstrum = np.fft.irfft(np.log(spectrum + 1e-6))
        pitches.append(audio.RATE / (40 + np.argmax(cepstrum[40:300])))
    assert 0.75 < min(lengths) < max(lengths) < 1.35
    assert max(lengths) - min(lengths) > 0.1
    assert max(pitches) / min(pitches) > 1.2

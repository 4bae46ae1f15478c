import numpy as np
import pytest

from kws import audio
from kws.datasets.noise import Noise
from kws.utils.errors import KwsError


def test_babble_is_eight_voices_at_once(tmp_path):
    """Voices that are tones, one of them much louder than the others."""
    time = np.arange(2 * audio.RATE) / audio.RATE
    pitches = [200 * k for k in range(1, 13)]
    for pitch in pitches:
        level = 0.9 if pitch == 400 else 0.1
        audio.write(tmp_path / f"{pitch}.wav", level * np.sin(2 * np.pi * pitch * time))
    babble = Noise.babble(tmp_path)
    for track in babble.tracks:
        assert np.sqrt(np.mean(track**2)) == pytest.approx(1, rel=1e-3)
        power = np.abs(np.fft.rfft(track)) ** 2
        bins = [round(pitch * len(track) / audio.RATE) for pitch in pitches]
        # A voice may be drawn twice, and a second excerpt may nearly cancel the first.
        present = power[bins] > 1e-3 * power.sum()
        assert 3 <= present.sum() <= 8
    again = Noise.babble(tmp_path)
    np.testing.assert_array_equal(again.tracks[0], babble.tracks[0])


def test_babble_needs_recordings(tmp_path):
    with pytest.raises(KwsError, match="holds no recordings"):
        Noise.babble(tmp_path)

"""Noise and augmentation: within the bounds asked for, and the same for the same number."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws import audio
from kws.audio.levels import loudness, mix_at_snr
from kws.datasets.augment import Augment
from kws.datasets.clips import ClipSet
from kws.datasets.features import AugmentedClips, AugmentedFeatures
from kws.datasets.noise import Noise, silence
from kws.recipe import parse
from tests import tones

STILL = Augment(shift_ms=0, speed=0, gain_db=0, noise=0)
CLIPS = np.stack([np.pad(tones.tone("low", k), (5000, 5667)) for k in range(6)])
NOISE = Noise()


def features_of(clips: ClipSet, plan) -> AugmentedFeatures:
    return AugmentedFeatures(clips, plan.data, plan.augment, plan.frontend, NOISE, 2)


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@settings(max_examples=20, deadline=None)
@given(st.floats(-5, 40))
def test_noise_is_mixed_at_the_ratio_asked_for(snr_db):
    noise = NOISE.draw(rng(), len(CLIPS), 16000)
    added = mix_at_snr(CLIPS, noise, np.full(len(CLIPS), snr_db)) - CLIPS
    level = np.sqrt(np.mean(noise**2, axis=1))
    ratio = 20 * np.log10(loudness(CLIPS) * level / np.sqrt(np.mean(added**2, axis=1)))
    np.testing.assert_allclose(ratio, snr_db, atol=0.05)


def test_recorded_noise_is_used_if_there_is_some(tmp_path):
    audio.write(tmp_path / "hum.wav", np.sin(np.arange(32000) / 5).astype(np.float32) / 4)
    drawn = Noise(tmp_path).draw(rng(), 1, 16000)[0]
    spectrum = np.abs(np.fft.rfft(drawn))
    assert np.argmax(spectrum) == pytest.approx(16000 / 5 / (2 * np.pi), abs=1)


def test_no_variation_changes_nothing():
    np.testing.assert_allclose(STILL(CLIPS, NOISE, rng()), CLIPS, atol=1e-6)


@pytest.mark.parametrize("shift_ms", [20, 100])
def test_shifts_stay_within_bounds(shift_ms):
    moved = Augment(shift_ms=shift_ms, speed=0, gain_db=0, noise=0)(CLIPS, NOISE, rng())

    def centre(clips):
        energy = clips**2
        return (energy * np.arange(16000)).sum(axis=1) / energy.sum(axis=1)

    distance = np.abs(centre(moved) - centre(CLIPS))
    assert distance.max() <= shift_ms * 16 + 1
    assert distance.max() > shift_ms * 4


def test_speed_changes_pitch_within_bounds():
    varied = Augment(shift_ms=0, speed=0.1, gain_db=0, noise=0)(CLIPS, NOISE, rng())
    pitch = np.abs(np.fft.rfft(varied)).argmax(axis=1) / np.abs(np.fft.rfft(CLIPS)).argmax(axis=1)
    assert 0.89 < pitch.min() < pitch.max() < 1.11
    assert np.ptp(pitch) > 0.02


def test_silence_is_quiet_noise():
    level = 20 * np.log10(np.sqrt(np.mean(silence(NOISE, rng(), 50, 16000) ** 2, axis=1)))
    assert -85 < level.min() < -60
    assert -30 < level.max() < -10


def test_what_is_varied_depends_on_the_number_alone():
    plan = parse('[data]\nwords = ["low", "high"]\nunknown = 0.5')
    labels = np.repeat(np.arange(3, dtype=np.int32), 20)
    samples = (rng().standard_normal((60, 16000)) * 1000).astype(np.int16)
    clips = ClipSet(samples, labels, labels == 1)
    straight, again, other = (
        AugmentedClips(clips, plan.data, plan.augment, NOISE, number) for number in (1, 1, 0)
    )
    counts = np.zeros(4)
    for k, ((x, y), (x_again, y_again)) in enumerate(zip(straight, again, strict=True)):
        np.testing.assert_array_equal(x, x_again)
        np.testing.assert_array_equal(y, y_again)
        counts += np.bincount(y, minlength=4)
        np.testing.assert_array_equal(y == 1, straight.synthetic[k * 128 : (k + 1) * 128])
    # Every clip of a word, half as many of the unknown, 0.7 times as many of silence.
    assert counts.tolist() == [20, 20, 10, 14]
    assert not np.array_equal(straight[0][0], other[0][0])


def test_variations_are_kept_and_found_again():
    plan = parse('[data]\nwords = ["low", "high"]\n[augment]\nvariations = 2')
    samples = (rng().standard_normal((9, 16000)) * 1000).astype(np.int16)
    clips = ClipSet(samples, np.repeat(np.arange(3, dtype=np.int32), 3), np.zeros(9, bool))
    first = features_of(clips, plan)
    features, labels = first[1]
    assert features.shape == (len(labels), 98, 40)
    varied, expected = AugmentedClips(clips, plan.data, plan.augment, NOISE, number=1)[0]
    np.testing.assert_array_equal(labels, expected)
    np.testing.assert_allclose(features, plan.frontend.features(varied), rtol=1e-3, atol=1e-2)
    assert features_of(clips, plan).folder == first.folder
    louder = ClipSet(samples * 2, clips.labels, clips.synthetic)
    assert features_of(louder, plan).folder != first.folder

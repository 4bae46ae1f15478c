"""A condition leaves the clip in its place and adds noise of the level that it names."""

import numpy as np
import pytest

from kws.evaluation.conditions import Condition, conditions
from tests.evaluation.stand_ins import tones_at


def test_the_clip_stays_in_its_place():
    clip = tones_at([(0.2, 500)], 0.7)
    placed = Condition("clean").apply(clip, 1.0, 0.5, np.random.default_rng(0))
    assert len(placed) == len(clip) + 24000
    np.testing.assert_allclose(placed[16000 : 16000 + len(clip)], clip, atol=1e-3)


def test_noise_is_as_loud_as_its_ratio_says():
    [noisy] = [c for c in conditions(None, [0.0], far=False) if c.noise]
    clip = tones_at([(0.2, 500)], 0.7)
    placed = noisy.apply(clip, 1.0, 0.5, np.random.default_rng(0))
    tone_power = 0.3**2 / 2
    assert np.mean(np.square(placed[:16000])) == pytest.approx(tone_power, rel=0.5)

"""A threshold extrapolated from a short background to few false alarms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kws.evaluation.threshold import extrapolate


def detections(scale: float, hours: float, seed: int) -> np.ndarray:
    """Scores of 30 an hour over one half, their log-odds exponential."""
    rng = np.random.default_rng(seed)
    return 1 / (1 + np.exp(-rng.exponential(scale, rng.poisson(30 * hours))))


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_a_threshold_from_one_hour_holds_in_many(scale):
    """Half an alarm an hour in 2,000 hours, from thresholds fitted on an hour each."""
    long = detections(scale, 2000, 0)
    rates = []
    for seed in range(1, 200):
        threshold = extrapolate(detections(scale, 1, seed), 0.5, 0.5, 1)
        rates.append((long > threshold).sum() / 2000)
    assert 0.4 < np.median(rates) < 0.62


@given(
    st.lists(st.floats(0.31, 0.99), min_size=2, max_size=30),
    st.floats(0.05, 1),
    st.floats(1.5, 5),
)
def test_fewer_false_alarms_take_a_higher_threshold(scores, rate, times):
    few, more = (extrapolate(scores, 0.3, r, 1.0) for r in (rate, rate * times))
    assert few >= more
    # As many reports as there were exceed the level itself.
    assert extrapolate(scores, 0.3, len(scores), 1.0) == pytest.approx(0.3)

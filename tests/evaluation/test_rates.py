"""Curves, rates and intervals against their definitions and published tables."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws.evaluation import rates
from kws.evaluation.decisions import KeywordScores
from kws.evaluation.rates import Point
from tests.evaluation.stand_ins import ToneSystem, posteriors_of


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 1000), min_size=30, max_size=300), st.floats(0.5, 20))
def test_the_curve_holds_the_best_threshold_of_every_rate(thousandths, rate):
    """Against trying a thousand thresholds."""
    one = posteriors_of(np.array(thousandths) / 1000)
    background = KeywordScores(ToneSystem(), one, "tone", 0)
    found = np.linspace(0.05, 0.95, 19)
    hours = 10 / rate

    def costs(threshold):
        return int((found < threshold).sum()), len(background.triggers(threshold))

    points = rates.sweep(background.peak_scores(rates.MIN_SCORE), costs, len(found), hours)
    best = rates.at_rate(points, rate, hours)
    assert best.false_alarms <= 10
    tried = [costs(t) for t in np.arange(10.5, 1001) / 1000]
    assert best.missed <= min((m for m, false in tried if false <= 10), default=len(found))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.builds(Point, st.floats(0, 1), st.integers(0, 9), st.integers(0, 9)), min_size=1)
)
def test_corners_keep_the_best_point_of_every_rate(points):
    points = [Point(1.01, 9, 0), *points]
    kept = rates.corners(points)
    assert (np.diff([p.missed for p in kept]) < 0).all()
    assert (np.diff([p.false_alarms for p in kept]) > 0).all()
    for rate in range(10):
        assert rates.at_rate(kept, rate, 1.0) == rates.at_rate(points, rate, 1.0)


def test_exact_intervals_against_tables():
    # Garwood's table: 0 → (0, 3.689), 1 → (0.0253, 5.572), 10 → (4.795, 18.39).
    for events, low, high in [(0, 0, 3.689), (1, 0.0253, 5.572), (10, 4.795, 18.39)]:
        np.testing.assert_allclose(rates.fa_interval(events, 1.0), (low, high), rtol=1e-3)
    np.testing.assert_allclose(rates.fa_interval(1, 4.0), (0.00633, 1.393), rtol=1e-3)
    # The rule of three's exact form, 1 - 0.025^(1/n), and a textbook's 4 of 20.
    np.testing.assert_allclose(rates.frr_interval(0, 100), (0, 1 - 0.025 ** (1 / 100)), rtol=1e-6)
    np.testing.assert_allclose(rates.frr_interval(4, 20), (0.05733, 0.43661), rtol=1e-3)


@pytest.mark.parametrize(("hours", "claims"), [(10, "0.1 0.5 1"), (9.9, "0.5 1"), (0.5, "")])
def test_few_hours_claim_few_rates(hours, claims):
    points = [Point(1.01, 20, 0), Point(0.5, 2, 3)]
    result = rates.summary(points, 20, hours)
    claimed = [rate for rate, one in result["intervals"].items() if one["enough_hours"]]
    assert claimed == claims.split()
    assert result["frr_at_fa_per_hour"]["1"] == (0.1 if hours >= 3 else 1.0)

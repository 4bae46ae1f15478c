"""Posteriors of several streams, in one process or several, and joined to one."""

from pathlib import Path

import numpy as np
import pytest

from kws.evaluation.posteriors import all_posteriors, concatenate
from kws.evaluation.streams import BackgroundStream, Segment
from tests.conftest import QUICKSTART, ROOT
from tests.evaluation.stand_ins import posteriors_of

MODEL = str(ROOT / "models" / "quickstart" / "dense.tflite")


def test_streams_joined_are_as_one():
    one = posteriors_of([0.1, 0.9, 0.2], [Segment(Path("x"), "tone", 0.0, 0.1, 0.05)])
    both = concatenate([one, one])
    assert len(both.times) == 6
    assert (np.diff(both.times) > 0).all()
    assert both.segments[1].word_end == pytest.approx(0.05 + one.seconds + 10)
    assert both.hours == pytest.approx(2 * one.hours)


def test_two_processes_give_what_one_gives_in_the_same_order():
    paths = sorted((QUICKSTART / "yes").glob("*.opus"))[:3]
    streams, done = [BackgroundStream([path]) for path in paths], []
    alone = all_posteriors(MODEL, streams, processes=1)
    both = all_posteriors(MODEL, streams, 2, lambda *progress: done.append(progress))
    assert done == [(1, 3), (2, 3), (3, 3)]
    for one, other in zip(alone, both, strict=True):
        assert one.segments == other.segments
        np.testing.assert_array_equal(one.times, other.times)
        np.testing.assert_array_equal(one.scores, other.scores)

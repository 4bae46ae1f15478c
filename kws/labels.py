"""The names of a model's classes."""

from collections.abc import Sequence

UNKNOWN = "_unknown_"
SILENCE = "_silence_"


def label_names(words: Sequence[str]) -> list[str]:
    """The classes of a model for these words, in the order of its outputs."""
    return [*words, UNKNOWN, SILENCE]

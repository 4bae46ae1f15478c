"""The table [data] of a recipe."""

from dataclasses import dataclass, field
from typing import Annotated

from msgspec import Meta


@dataclass(frozen=True)
class Data:
    """Which clips a network is trained on.

    words: what it spots. folder: one folder of recordings a word, relative to the working folder.
    noise: a folder of background recordings; if empty, the corpus's own or synthetic noise.
    synthetic: folders of synthetic clips, one folder a word, that complete the recordings in
    training. negatives: a folder of speech without the words, cut into more clips of the unknown
    class. seconds: the length of a clip. unknown: clips of the unknown class in an epoch, as a
    multiple of the mean number of clips a word.
    """

    words: Annotated[list[str], Meta(min_length=1)]
    folder: str = ""
    noise: str = ""
    synthetic: list[str] = field(default_factory=list)
    negatives: str = ""
    seconds: Annotated[float, Meta(ge=0.2)] = 1.0
    unknown: float = 1.0

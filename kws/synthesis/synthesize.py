"""Clips of words from text, named and laid out like Speech Commands."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from kws import audio
from kws.audio.levels import speech_fault, trim
from kws.synthesis import kokoro_files
from kws.synthesis.engines import Engine, is_held_out
from kws.synthesis.espeak import Espeak
from kws.synthesis.kokoro import Kokoro
from kws.utils.console import note
from kws.utils.errors import KwsError
from kws.utils.files import replacing, write_text

VALIDATION_LIST = "validation_list.txt"
PEAK = 0.7  # of every clip, before it is encoded
_ATTEMPTS = 30
# For audio.write; at this level of compression libsndfile writes 31 kbit/s for 16 kHz mono.
_OPUS = {"format": "OGG", "subtype": "OPUS", "compression_level": 0.9}


def synthesize(
    words: Sequence[str],
    count: int,
    out: Path | str,
    engine: str = "auto",
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Write ``count`` clips of each word: ``OUT/<word>/<speaker>_nohash_<k>.opus``.

    A clip is 16 kHz mono Opus with the word in its middle, 1 s long, up to 2 s for a phrase of
    several words (its folder joins them by `_`). The same call makes the same clips. Clips that
    are there are kept, so a run that was stopped continues. Every seventh clip is by voices held
    out for validation; ``OUT/validation_list.txt`` names these clips.

    engine: `kokoro`, `espeak`, or `auto`: Kokoro with every fourth clip by espeak-ng, or
    espeak-ng alone if Kokoro's files are missing.
    Raises KwsError for a word that cannot be said or be a folder's name, or a missing engine.
    """
    if count < 1:
        raise KwsError(f"{count} clips a word: ask for at least one", 2)
    texts = {folder_name(word): " ".join(word.replace("_", " ").split()) for word in words}
    out = Path(out)
    kept = {name: _indices(out / name) for name in texts}
    total = count * len(texts)
    done = sum(k in kept[name] for name in texts for k in range(count))
    progress(done, total)
    engines = _engines(engine) if done < total else []
    try:
        # Word after word for each k: a run that is stopped leaves as many clips of each word.
        for k in range(count if engines else 0):
            speaking = engines[k % len(engines)]
            missing = [name for name in texts if k not in kept[name]]
            for at in range(0, len(missing), speaking.at_once):
                group = missing[at : at + speaking.at_once]
                _write_clips(out, {name: texts[name] for name in group}, k, speaking, seed)
                done += len(group)
                progress(done, total)
    finally:
        _write_validation_list(out)


def folder_name(word: str) -> str:
    """The folder of a word's clips, `hey_jarvis`. Raises KwsError if it cannot be said."""
    name = "_".join(word.lower().replace("_", " ").split())
    speakable = any(c.isalnum() for c in name) and all(c.isalnum() or c in "_-'" for c in name)
    if not speakable or name[0] in "-'":
        raise KwsError(f"{word!r} is no word to say: use letters, digits, spaces, - and '", 2)
    if len(name) > 60:
        raise KwsError(f"{word[:20]!r}… is too long for one clip; use a shorter phrase", 2)
    return name


def _indices(folder: Path) -> set[int]:
    """The numbers of the clips in a word's folder."""
    ends = (path.stem.rpartition("_nohash_")[2] for path in folder.glob("[!.]*_nohash_*"))
    return {int(end) for end in ends if end.isdecimal()}


def _engines(name: str) -> list[Engine]:
    """The engines that take turns, clip by clip."""
    if name == "kokoro":
        return [Kokoro()]
    if name == "auto" and kokoro_files.available():
        return [Kokoro()] * 3 + [Espeak()]
    if name == "auto":
        note("only espeak-ng speaks; 'make voices' adds better voices")
    elif name != "espeak":
        raise KwsError(f"no engine {name!r}: use auto, kokoro or espeak", 2)
    return [Espeak()]


def _write_clips(out: Path, texts: dict[str, str], k: int, engine: Engine, seed: int) -> None:
    """Write clip ``k`` of each text by one speaker; another repeats those with a fault."""
    key = hashlib.sha256(f"{seed}/{'/'.join(texts)}/{k}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(key[:16], "big"))
    left, reasons = dict(texts), []
    for _ in range(_ATTEMPTS):
        speaker, spoken = engine.speak(list(left.values()), rng, held_out=k % 7 == 6)
        for name, samples in zip(list(left), spoken, strict=True):
            reason = speech_fault(samples)
            word = trim(samples) if reason is None else samples
            longest = audio.RATE * (2 if " " in texts[name] else 1)
            if reason is None and len(word) > longest:
                reason = "too long"
            if reason is None:
                _write_clip(out / name / f"{speaker}_nohash_{k}.opus", word)
                del left[name]
            reasons.append(reason)
        if not left:
            return
    raise KwsError(
        f"{', '.join(left)}: {_ATTEMPTS} clips in a row failed ({reasons[-1]}); try other words"
    )


def _write_clip(path: Path, word: np.ndarray) -> None:
    length = max(audio.RATE, len(word))
    before = (length - len(word)) // 2
    clip = np.pad(word * (PEAK / np.abs(word).max()), (before, length - len(word) - before))
    with replacing(path) as temporary:
        audio.write(temporary, clip, **_OPUS)


def _write_validation_list(out: Path) -> None:
    """List the clips by held-out voices, and what the list named before."""
    made = out.glob("*/[!.]*_nohash_*.opus")
    held_out = {
        path.relative_to(out).as_posix()
        for path in made
        if is_held_out(path.name.rpartition("_nohash_")[0])
    }
    file = out / VALIDATION_LIST
    before = set(file.read_text(encoding="utf-8").split()) if file.is_file() else set()
    write_text(file, "".join(f"{clip}\n" for clip in sorted(held_out | before)))

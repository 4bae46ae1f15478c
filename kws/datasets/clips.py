"""A folder of clips, one sub-folder a word, as Speech Commands is laid out.

    FOLDER/<word>/<speaker>_nohash_<k>.<wav, opus, …>
    FOLDER/_background_noise_/…                         optional, never a word
    FOLDER/validation_list.txt, testing_list.txt        optional, one relative path a line
    FOLDER/synthetic_list.txt                           optional, what nobody said

The lists decide the split where they are there; otherwise the data set's own rule does, which
hashes the speaker's name so that a speaker never changes sides (README of Speech Commands).
"""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws import audio
from kws.labels import UNKNOWN, label_names
from kws.utils.errors import KwsError
from kws.utils.files import cache_folder, replacing

NOISE = "_background_noise_"
SYNTHETIC = "synthetic_list.txt"
SPLITS = ("training", "validation", "testing")


@dataclass(frozen=True)
class Clip:
    path: Path
    word: str
    split: str
    synthetic: bool = False


@dataclass(frozen=True)
class ClipSet:
    """Decoded clips of one split: samples int16 (clips, samples), labels int32 (clips,), and
    which are synthetic, bool (clips,)."""

    samples: np.ndarray
    labels: np.ndarray
    synthetic: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


def speaker_split(name: str, validation: float = 10, testing: float = 10) -> str:
    """The official split of a Speech Commands file name, by the hash of its speaker.

    ``validation`` and ``testing`` are percentages. The rule is the data set's own: SHA-1 of
    the name up to ``_nohash_``, modulo 2^27, as a percentage of 2^27 - 1.
    """
    speaker = Path(name).name.split("_nohash_")[0]
    position = int(hashlib.sha1(speaker.encode()).hexdigest(), 16) % 2**27
    percentage = position * 100 / (2**27 - 1)
    if percentage < validation:
        return "validation"
    return "testing" if percentage < validation + testing else "training"


def scan(folder: Path | str) -> list[Clip]:
    """Every clip of the folder with its word and split, sorted by path.

    Raises KwsError if the folder is missing or holds no clips.
    """
    folder = Path(folder)
    paths = [p for p in audio.find(folder) if p.parent.parent == folder]
    paths = [p for p in paths if p.parent.name != NOISE]
    if not paths:
        raise KwsError(f"{folder}: holds no clips; one folder of recordings a word is needed", 2)
    listed = _listed_splits(folder)
    synthetic = set(_lines(folder / SYNTHETIC))

    def split_of(path: Path) -> str:
        if listed is None:
            return speaker_split(path.name)
        return listed.get(path.relative_to(folder).as_posix(), "training")

    def is_synthetic(path: Path) -> bool:
        return path.relative_to(folder).as_posix() in synthetic

    return [Clip(path, path.parent.name, split_of(path), is_synthetic(path)) for path in paths]


def load(
    clips: Sequence[Clip],
    words: Sequence[str],
    samples: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ClipSet:
    """Decode clips to ``samples`` samples each; other words become ``_unknown_``.

    The decoded clips are kept in the user's cache, so that they are decoded once, and mapped
    from there, so that a large corpus need not fit in memory.
    """
    names = label_names(words)
    index = {name: k for k, name in enumerate(names)}
    labels = np.array([index.get(c.word, index[UNKNOWN]) for c in clips], np.int32)
    cached = _cache_file(clips, samples)
    if not cached.exists():
        with replacing(cached) as temporary:
            decoded = np.lib.format.open_memmap(
                temporary, "w+", dtype=np.int16, shape=(len(clips), samples)
            )
            with ThreadPoolExecutor() as pool:
                for k, clip in enumerate(
                    pool.map(lambda c: fit(audio.read(c.path), samples), clips)
                ):
                    decoded[k] = audio.to_int16(clip)
                    progress(k + 1, len(clips))
            decoded.flush()
    synthetic = np.array([clip.synthetic for clip in clips], bool)
    return ClipSet(np.load(cached, mmap_mode="r"), labels, synthetic)


def fit(samples: np.ndarray, length: int) -> np.ndarray:
    """The loudest stretch of ``length`` samples, or the clip centred in silence if shorter."""
    spare = len(samples) - length
    if spare > 0:
        energy = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
        start = int(np.argmax(energy[length:] - energy[:-length]))
        return samples[start : start + length]
    before = -spare // 2
    return np.pad(samples, (before, -spare - before))


def _cache_file(clips: Sequence[Clip], samples: int) -> Path:
    key = hashlib.sha256(str(samples).encode())
    for clip in clips:
        status = clip.path.stat()
        key.update(f"{clip.path.resolve()} {status.st_size} {status.st_mtime_ns}\n".encode())
    return cache_folder() / "clips" / f"{key.hexdigest()[:20]}.npy"


def _listed_splits(folder: Path) -> dict[str, str] | None:
    splits: dict[str, str] = {}
    lists = {"validation_list.txt": "validation", "testing_list.txt": "testing"}
    found = False
    for name, split in lists.items():
        if (folder / name).is_file():
            found = True
            splits |= dict.fromkeys(_lines(folder / name), split)
    return splits if found else None


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split() if path.is_file() else []

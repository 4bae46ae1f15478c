"""A folder of clips, one sub-folder a word, as Speech Commands is laid out.

    FOLDER/<word>/<speaker>_nohash_<k>.<wav, opus, …>
    FOLDER/_background_noise_/…                         optional, never a word
    FOLDER/validation_list.txt, testing_list.txt        optional, one relative path a line
    FOLDER/synthetic_list.txt                           optional, the synthetic clips

If there are lists, they decide the split. Otherwise the data set's own rule does, which hashes the
speaker's name, so that a speaker is always in the same split (README of Speech Commands).
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws import audio
from kws.labels import UNKNOWN, label_names
from kws.utils.errors import KwsError
from kws.utils.files import cache_folder, replacing

NOISE = "_background_noise_"
SPLITS = ("training", "validation", "testing")
LISTS = {"validation": "validation_list.txt", "testing": "testing_list.txt"}
SYNTHETIC = "synthetic_list.txt"
# Raised when the same clips are decoded to other samples than before.
FORMAT = 2


@dataclass(frozen=True)
class Clip:
    """A recording of a word; ``synthetic`` if no person said it."""

    path: Path
    word: str
    split: str
    synthetic: bool = False


@dataclass(frozen=True)
class Scan(Sequence[Clip]):
    """The clips of a folder, sorted by path, and how many recordings were left out by reason."""

    folder: Path
    clips: Sequence[Clip]
    left_out: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, k):
        return self.clips[k]

    def of_splits(self, *splits: str) -> "Scan":
        """The clips of these splits; those of the others count as left out.

        Raises KwsError if there are none of one of them.
        """
        for split in splits:
            if all(clip.split != split for clip in self.clips):
                raise KwsError(f"{self.folder}: has no clips for {split}", 2)
        others = Counter(f"for {clip.split}" for clip in self.clips if clip.split not in splits)
        chosen = [clip for clip in self.clips if clip.split in splits]
        return Scan(self.folder, chosen, {**self.left_out, **others})

    def summary(self) -> str:
        """One line for a person: how many clips of each word, what was left out and why."""
        survey = audio.Survey(self.folder, [clip.path for clip in self.clips], self.left_out)
        return survey.summary([clip.word for clip in self.clips])


@dataclass(frozen=True)
class ClipSet:
    """Decoded clips of one split.

    samples: int16 (clips, samples) at 16 kHz. labels: int32 (clips,). synthetic: bool (clips,).
    """

    samples: np.ndarray
    labels: np.ndarray
    synthetic: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


def speaker_split(name: str, validation: float = 10, testing: float = 10) -> str:
    """The official split of a Speech Commands file, by the hash of its speaker's name.

    validation, testing: percentages. The rule is the data set's own (its README): SHA-1 of the
    name up to ``_nohash_``, modulo 2^27, as a percentage of 2^27 - 1.
    """
    speaker = Path(name).name.split("_nohash_")[0]
    position = int(hashlib.sha1(speaker.encode()).hexdigest(), 16) % 2**27
    percentage = position * 100 / (2**27 - 1)
    if percentage < validation:
        return "validation"
    return "testing" if percentage < validation + testing else "training"


def scan(folder: Path | str) -> Scan:
    """Every clip of the folder with its word and split.

    Raises KwsError if the folder is missing or holds no clips.
    """
    survey = audio.survey(folder)
    folder = survey.folder
    listed = {name: split for split in LISTS for name in _lines(folder / LISTS[split])}
    has_lists = any((folder / name).is_file() for name in LISTS.values())
    synthetic = set(_lines(folder / SYNTHETIC))
    clips, left_out = [], Counter(survey.left_out)
    for path in survey.paths:
        name = path.relative_to(folder)
        reason = _misplaced(name, folder)
        if reason:
            left_out[reason] += 1
            continue
        shown = name.as_posix()
        split = listed.get(shown, "training") if has_lists else speaker_split(name.name)
        clips.append(Clip(path, name.parts[0], split, shown in synthetic))
    if not clips:
        why = audio.Survey(folder, [], left_out).left_out_summary()
        raise KwsError(
            f"{folder}: holds no clips; one folder of recordings a word is needed"
            + (f" ({why})" if why else ""),
            2,
        )
    return Scan(folder, clips, left_out)


def load(
    clips: Sequence[Clip],
    words: Sequence[str],
    samples: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ClipSet:
    """Decode clips to ``samples`` samples each; other words become ``_unknown_``.

    The decoded clips are kept in the user's cache and mapped to memory, so that they are decoded
    once and a large corpus need not fit in memory. Raises KwsError for a clip that cannot be read.
    """
    names = label_names(words)
    index = {name: k for k, name in enumerate(names)}
    labels = np.array([index.get(c.word, index[UNKNOWN]) for c in clips], np.int32)
    synthetic = np.array([clip.synthetic for clip in clips], bool)
    cached = _cache_file(clips, samples)
    if not cached.exists():
        _decode(clips, samples, cached, progress)
    return ClipSet(np.load(cached, mmap_mode="r"), labels, synthetic)


def fit(samples: np.ndarray, length: int) -> np.ndarray:
    """The loudest stretch of (samples,), or all of it centred in silence: (length,)."""
    spare = len(samples) - length
    if spare > 0:
        energy = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
        start = int(np.argmax(energy[length:] - energy[:-length]))
        return samples[start : start + length]
    before = -spare // 2
    return np.pad(samples, (before, -spare - before))


def _misplaced(name: Path, folder: Path) -> str | None:
    """Why a recording, named relative to the folder, is no clip of a word; None if it is one."""
    if name.parts[0] == NOISE:
        return f"in {NOISE}"
    if len(name.parts) == 1:
        return f"directly in {folder}, in no folder of a label"
    return "deeper than a label's folder" if len(name.parts) > 2 else None


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split() if path.is_file() else []


def _cache_file(clips: Sequence[Clip], samples: int) -> Path:
    key = hashlib.sha256(f"{FORMAT} {samples}".encode())
    for clip in clips:
        status = clip.path.stat()
        key.update(f"{clip.path.resolve()} {status.st_size} {status.st_mtime_ns}\n".encode())
    return cache_folder() / "clips" / f"{key.hexdigest()[:20]}.npy"


def _decode(
    clips: Sequence[Clip], samples: int, file: Path, progress: Callable[[int, int], None]
) -> None:
    """Write the clips as int16 (clips, samples) to a .npy file."""
    with replacing(file) as temporary, ThreadPoolExecutor() as pool:
        decoded = np.lib.format.open_memmap(
            temporary, "w+", dtype=np.int16, shape=(len(clips), samples)
        )
        fitted = pool.map(lambda clip: fit(audio.read(clip.path), samples), clips)
        for k, clip in enumerate(fitted):
            decoded[k] = audio.to_int16(clip)
            progress(k + 1, len(clips))
        decoded.flush()

"""Features of augmented clips, computed once and kept for every network that is trained on them.

To augment 10,000 clips and compute their features takes as long as to train a small network on
them. So a training set has a limited number of variations, which later epochs use again. They are
kept in the user's cache, in a folder named by a digest of everything that they depend on.
"""

import functools
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from kws.audio import from_int16, to_int16
from kws.datasets.augment import Augment
from kws.datasets.clips import ClipSet
from kws.datasets.config import Data
from kws.datasets.noise import Noise, silence
from kws.frontend.keras_layer import LogMel
from kws.frontend.log_mel import FrontEnd
from kws.labels import SILENCE, UNKNOWN, label_names
from kws.utils.console import Progress
from kws.utils.files import cache_folder, replacing

# Raised when the same recipe and clips give other features than before.
FORMAT = 1
# What all variations may take together, in bytes; the least recently used are removed first.
CACHE_BYTES = 12 * 2**30
BATCH = 128
SILENCE_SHARE = 0.7  # clips of silence, as a multiple of the mean number of clips a word


class AugmentedFeatures:
    """``count`` variations of a training set.

    ``variations[k]`` is (features float16 (clips, frames, bands), labels int32 (clips,)), kept
    in ``folder``.
    """

    def __init__(
        self,
        clips: ClipSet,
        data: Data,
        augment: Augment,
        frontend: FrontEnd,
        noise: Noise,
        count: int,
    ):
        self._augmented = functools.partial(AugmentedClips, clips, data, augment, noise)
        self._log_mel = LogMel(frontend)
        self.count = count
        self.folder = cache_folder() / "features" / _digest(clips, data, augment, frontend, noise)

    def __getitem__(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        features, labels = self.folder / f"features-{k}.npy", self.folder / f"labels-{k}.npy"
        if not (features.exists() and labels.exists()):
            self._compute(k, features, labels)
        os.utime(self.folder)
        return np.load(features, mmap_mode="r"), np.load(labels)

    def synthetic(self, k: int) -> np.ndarray:
        """Which clips of variation ``k`` are synthetic, bool (clips,)."""
        return self._augmented(k).synthetic

    def batches(self, k: int) -> Iterator[np.ndarray]:
        """The augmented clips of variation ``k``, in batches float32 (batch, samples)."""
        return (samples for samples, _ in self._augmented(k))

    def kept(self, name: str, compute: Callable[[], np.ndarray]) -> np.ndarray:
        """The array kept as ``name`` beside the features; ``compute`` makes it the first time."""
        path = self.folder / f"{name}.npy"
        if not path.exists():
            _save(path, compute())
        return np.load(path)

    def _compute(self, k: int, features: Path, labels: Path) -> None:
        _make_room(self.folder)
        augmented = self._augmented(k)
        count = len(augmented)

        def batch(index: int):
            samples, labels = augmented[index]
            return np.asarray(self._log_mel(samples)).astype(np.float16), labels

        parts = []
        with (
            Progress(f"batches of variation {k + 1} of {self.count}") as progress,
            ThreadPoolExecutor() as pool,
        ):
            for part in pool.map(batch, range(count)):
                parts.append(part)
                progress(len(parts), count)
        for path, arrays in zip((features, labels), zip(*parts, strict=True), strict=True):
            _save(path, np.concatenate(arrays))


class AugmentedClips:
    """A training set, augmented, in batches.

    ``clips[k]`` is (samples float32 (batch, samples), labels int32 (batch,)). Each ``number``
    holds every clip of a word once, another draw of ``_unknown_`` clips (some of them more than
    once if there are too few), and new silence. The contents depend only on the number, so that a
    resumed training gets the same batches. ``synthetic``: which clips are, bool (clips,).
    """

    def __init__(self, clips: ClipSet, data: Data, augment: Augment, noise: Noise, number: int):
        self._clips, self._augment, self._noise, self._number = clips, augment, noise, number
        names = label_names(data.words)
        self._silence, unknown_label = names.index(SILENCE), names.index(UNKNOWN)
        per_word = np.mean(np.bincount(clips.labels, minlength=len(names))[:unknown_label])
        rng = np.random.default_rng(number)
        unknown = np.flatnonzero(clips.labels == unknown_label)
        unknown_count = round(data.unknown * per_word) if len(unknown) else 0
        chosen = np.concatenate(
            [
                np.flatnonzero(clips.labels != unknown_label),
                np.resize(rng.permutation(unknown), unknown_count),
                np.full(round(SILENCE_SHARE * per_word), -1),
            ]
        )
        self._order = rng.permutation(chosen)  # -1 is a clip of silence
        self.synthetic = (self._order >= 0) & clips.synthetic[self._order]

    def __len__(self) -> int:
        return -(-len(self._order) // BATCH)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        if index >= len(self):
            raise IndexError(index)
        chosen = self._order[index * BATCH : (index + 1) * BATCH]
        rng = np.random.default_rng([self._number, index])
        quiet = chosen < 0
        clips = from_int16(self._clips.samples[np.where(quiet, 0, chosen)])
        clips = self._augment(clips, self._noise, rng)
        clips[quiet] = silence(self._noise, rng, int(quiet.sum()), clips.shape[1])
        return clips, np.where(quiet, self._silence, self._clips.labels[chosen]).astype(np.int32)


def with_silence(clips: ClipSet, words: list[str], noise: Noise, seed: int) -> ClipSet:
    """The clip set and as many clips of silence as a word has clips on average.

    The silence is the same for the same seed.
    """
    names = label_names(words)
    count = round(np.mean(np.bincount(clips.labels, minlength=len(names))[: len(words)]))
    rng = np.random.default_rng([seed, 0x51])
    quiet = to_int16(silence(noise, rng, count, clips.samples.shape[1]))
    return ClipSet(
        np.concatenate([clips.samples, quiet]),
        np.concatenate([clips.labels, np.full(count, names.index(SILENCE), np.int32)]),
        np.concatenate([clips.synthetic, np.zeros(count, bool)]),
    )


def _digest(clips: ClipSet, data: Data, augment: Augment, frontend: FrontEnd, noise: Noise) -> str:
    """A digest of everything that the features of augmented clips depend on."""
    key = hashlib.blake2b(digest_size=10)
    # Masks are applied in training, after this.
    augment = replace(augment, time_mask_ms=0.0, band_mask=0, variations=0)
    key.update(f"{FORMAT} {data.unknown} {SILENCE_SHARE} {frontend} {augment}".encode())
    for array in (clips.samples, clips.labels, *noise.tracks):
        key.update(np.ascontiguousarray(array))
    return key.hexdigest()


def _save(path: Path, array: np.ndarray) -> None:
    with replacing(path) as temporary:
        np.save(temporary, array)


def _make_room(folder: Path) -> None:
    """Remove the least recently used folders beside this one while all together are too large."""
    folder.mkdir(parents=True, exist_ok=True)
    sizes = {
        other: sum(file.stat().st_size for file in other.iterdir())
        for other in sorted(folder.parent.iterdir(), key=lambda path: path.stat().st_mtime)
    }
    for other in list(sizes):
        if other != folder and sum(sizes.values()) > CACHE_BYTES:
            shutil.rmtree(other)
            sizes.pop(other)

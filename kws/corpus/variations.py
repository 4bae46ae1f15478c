"""The features of varied clips, worked out once and kept for every network trained on them.

Varying the sound of 10,000 clips and computing its features costs a processor as much as training
a small network on them. So there are only so many variations of a training set; they lie in the
user's cache under a name made from all that they depend on, and later epochs take them again.
"""

import hashlib
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from kws import feeding, network_file
from kws.corpus.batches import VariedClips
from kws.corpus.clips import ClipSet, cache_folder
from kws.corpus.embedding import SpeechEmbedding
from kws.corpus.noise import Noise
from kws.errors import KwsError
from kws.files import replacing
from kws.frontend_keras import LogMel
from kws.progress import Progress
from kws.recipe import Recipe

# Raised when the same recipe and clips give other features than before.
FORMAT = 1
# What all variations may take together; the longest unused go first.
ROOM_BYTES = 12 * 2**30


class Variations:
    """``count`` variations of a training set, each as features and labels.

    ``variations[k]`` is (features float16 (clips, frames, bands), labels int32 (clips,)).
    """

    def __init__(self, clips: ClipSet, recipe: Recipe, noise: Noise):
        self._varied = VariedClips(clips, recipe, noise)
        self._log_mel = LogMel(recipe.frontend)
        self.count = min(recipe.augment.variations, recipe.training.epochs)
        self.folder = cache_folder() / "features" / _name(clips, recipe, noise)

    def __getitem__(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        features, labels = self.folder / f"features-{k}.npy", self.folder / f"labels-{k}.npy"
        if not (features.exists() and labels.exists()):
            self._work_out(k, features, labels)
        os.utime(self.folder)
        return np.load(features, mmap_mode="r"), np.load(labels)

    def synthetic(self, k: int) -> np.ndarray:
        """Which clips of variation ``k`` nobody said, bool (clips,)."""
        self._varied.start(k)
        return self._varied.synthetic()

    def answers(self, teacher: Path, k: int) -> np.ndarray:
        """The probabilities (clips, classes) that a .keras file gives for variation ``k``.

        A teacher of shorter clips sees their middle.
        """
        digest = hashlib.blake2b(teacher.read_bytes(), digest_size=6).hexdigest()
        path = self.folder / f"answers-{digest}-{k}.npy"
        features, _ = self[k]
        if not path.exists():
            network = network_file.read(teacher)
            spare = features.shape[1] - network.input_shape[1]
            if spare < 0:
                raise KwsError(f"{teacher}: was taught on longer clips than the recipe has", 2)
            middle = features[:, spare // 2 : spare // 2 + network.input_shape[1]]
            told = feeding.answers(network, middle)
            with replacing(path) as temporary:
                np.save(temporary, told)
        return np.load(path)

    def embeddings(self, k: int) -> np.ndarray:
        """Google's speech embedding of variation ``k``: float16 (clips, steps, 96)."""
        path = self.folder / f"embeddings-{k}.npy"
        if not path.exists():
            self._varied.start(k)
            embedding, parts = SpeechEmbedding(), []
            with Progress(f"batches embedded of variation {k + 1} of {self.count}") as progress:
                for index in range(len(self._varied)):
                    samples, _ = self._varied[index]
                    parts.append(embedding(samples).astype(np.float16))
                    progress(len(parts), len(self._varied))
            with replacing(path) as temporary:
                np.save(temporary, np.concatenate(parts))
        return np.load(path)

    def _work_out(self, k: int, features: Path, labels: Path) -> None:
        _make_room(self.folder)
        self._varied.start(k)
        count = len(self._varied)

        def batch(index: int):
            samples, labels = self._varied[index]
            return np.asarray(self._log_mel(samples)).astype(np.float16), labels

        parts = []
        what = f"batches of variation {k + 1} of {self.count}"
        with Progress(what) as progress, ThreadPoolExecutor() as pool:
            for part in pool.map(batch, range(count)):
                parts.append(part)
                progress(len(parts), count)
        for path, arrays in zip((features, labels), zip(*parts, strict=True), strict=True):
            with replacing(path) as temporary:
                np.save(temporary, np.concatenate(arrays))


def _name(clips: ClipSet, recipe: Recipe, noise: Noise) -> str:
    """Of a folder: a digest of all that the features of varied clips depend on."""
    key = hashlib.blake2b(digest_size=10)
    data, frontend = recipe.data, recipe.frontend
    # Masks happen in training, after this.
    augment = replace(recipe.augment, time_mask_ms=0.0, band_mask=0, variations=0)
    key.update(f"{FORMAT} {data.unknown} {data.silence} {frontend} {augment}".encode())
    for array in (clips.samples, clips.labels, *noise.tracks):
        key.update(np.ascontiguousarray(array))
    return key.hexdigest()


def _make_room(folder: Path) -> None:
    """Drop the longest unused folders beside this one when they hold too much together."""
    folder.mkdir(parents=True, exist_ok=True)
    sizes = {
        other: sum(file.stat().st_size for file in other.iterdir())
        for other in sorted(folder.parent.iterdir(), key=lambda path: path.stat().st_mtime)
    }
    for other in list(sizes):
        if other != folder and sum(sizes.values()) > ROOM_BYTES:
            shutil.rmtree(other)
            sizes.pop(other)

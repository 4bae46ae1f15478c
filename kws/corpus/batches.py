"""Batches of augmented clips for keras, the same for the same seed and epoch."""

import keras
import numpy as np

from kws.corpus.augment import Augment
from kws.corpus.clips import SILENCE, UNKNOWN, ClipSet, label_names
from kws.corpus.noise import Noise, silence
from kws.recipe import Recipe


class TrainingBatches(keras.utils.PyDataset):
    """Epochs over a training set: (samples float32 (batch, samples), labels one-hot).

    Every epoch holds each clip of a word once, a fresh draw of ``_unknown_`` clips (some of
    them more than once where there are too few), and fresh silence. What an epoch holds depends
    only on the recipe's seed and ``epoch``, so a training that was stopped goes on as if it had
    not been.
    """

    def __init__(self, clips: ClipSet, recipe: Recipe, noise: Noise, epoch: int = 0):
        super().__init__(workers=2, max_queue_size=8)
        self._clips, self._noise = clips, noise
        self._augment: Augment = recipe.augment
        self._seed, self._batch = recipe.training.seed, recipe.training.batch
        names = label_names(recipe.data.words)
        self._classes = len(names)
        self._unknown, self._silence = names.index(UNKNOWN), names.index(SILENCE)
        a_word = np.mean(np.bincount(clips.labels, minlength=self._classes)[: self._unknown])
        self._unknown_count = round(recipe.data.unknown * a_word)
        self._silence_count = round(recipe.data.silence * a_word)
        self.start(epoch)

    def start(self, epoch: int) -> None:
        """Lay out the clips of ``epoch``; -1 stands for a clip of silence."""
        self.epoch = epoch
        rng = np.random.default_rng([self._seed, epoch])
        unknown = np.flatnonzero(self._clips.labels == self._unknown)
        chosen = np.concatenate(
            [
                np.flatnonzero(self._clips.labels != self._unknown),
                np.resize(rng.permutation(unknown), self._unknown_count if len(unknown) else 0),
                np.full(self._silence_count, -1),
            ]
        )
        self._order = rng.permutation(chosen)

    def on_epoch_end(self) -> None:
        self.start(self.epoch + 1)

    def __len__(self) -> int:
        return -(-len(self._order) // self._batch)

    def __getitem__(self, index: int):
        chosen = self._order[index * self._batch : (index + 1) * self._batch]
        rng = np.random.default_rng([self._seed, self.epoch, index])
        quiet = chosen < 0
        clips = as_float(self._clips.samples[np.where(quiet, 0, chosen)])
        clips = self._augment(clips, self._noise, rng)
        clips[quiet] = silence(self._noise, rng, int(quiet.sum()), clips.shape[1])
        labels = np.where(quiet, self._silence, self._clips.labels[chosen])
        return clips, np.eye(self._classes, dtype=np.float32)[labels]


class PlainBatches(keras.utils.PyDataset):
    """A clip set as it is, in order, for validation."""

    def __init__(self, clips: ClipSet, classes: int, batch: int = 256):
        super().__init__()
        self._clips, self._classes, self._batch = clips, classes, batch

    def __len__(self) -> int:
        return -(-len(self._clips) // self._batch)

    def __getitem__(self, index: int):
        part = slice(index * self._batch, (index + 1) * self._batch)
        labels = np.eye(self._classes, dtype=np.float32)[self._clips.labels[part]]
        return as_float(self._clips.samples[part]), labels


def with_silence(clips: ClipSet, words: list[str], noise: Noise, seed: int) -> ClipSet:
    """The clip set with as many clips of silence as a word has on average, always the same."""
    names = label_names(words)
    count = round(np.mean(np.bincount(clips.labels, minlength=len(names))[: len(words)]))
    rng = np.random.default_rng([seed, 0x51])
    quiet = silence(noise, rng, count, clips.samples.shape[1])
    quiet = np.clip(np.rint(quiet * 32767), -32768, 32767).astype(np.int16)
    return ClipSet(
        np.concatenate([clips.samples, quiet]),
        np.concatenate([clips.labels, np.full(count, names.index(SILENCE), np.int32)]),
    )


def as_float(samples: np.ndarray) -> np.ndarray:
    """int16 samples as float32 in [-1, 1]."""
    return samples.astype(np.float32) / 32768

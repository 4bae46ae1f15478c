"""Batches of augmented clips, the same for the same number."""

import numpy as np

from kws.corpus.augment import Augment
from kws.corpus.clips import SILENCE, UNKNOWN, ClipSet, label_names
from kws.corpus.noise import Noise, silence
from kws.recipe import Recipe

BATCH = 128


class VariedClips:
    """A training set varied again and again: (samples float32 (batch, samples), labels (batch,)).

    Every time it holds each clip of a word once, a fresh draw of ``_unknown_`` clips (some of
    them more than once where there are too few), and fresh silence. What it holds depends only
    on ``number``, so a training that was stopped goes on as if it had not been.
    """

    def __init__(self, clips: ClipSet, recipe: Recipe, noise: Noise, number: int = 0):
        self._clips, self._noise = clips, noise
        self._augment: Augment = recipe.augment
        names = label_names(recipe.data.words)
        self._unknown, self._silence = names.index(UNKNOWN), names.index(SILENCE)
        a_word = np.mean(np.bincount(clips.labels, minlength=len(names))[: self._unknown])
        self._unknown_count = round(recipe.data.unknown * a_word)
        self._silence_count = round(recipe.data.silence * a_word)
        self.start(number)

    def start(self, number: int) -> None:
        """Lay out the clips of this number; -1 stands for a clip of silence."""
        self.number = number
        rng = np.random.default_rng(number)
        unknown = np.flatnonzero(self._clips.labels == self._unknown)
        chosen = np.concatenate(
            [
                np.flatnonzero(self._clips.labels != self._unknown),
                np.resize(rng.permutation(unknown), self._unknown_count if len(unknown) else 0),
                np.full(self._silence_count, -1),
            ]
        )
        self._order = rng.permutation(chosen)

    def synthetic(self) -> np.ndarray:
        """Which of this number's clips nobody said, bool (clips,)."""
        return (self._order >= 0) & self._clips.synthetic[self._order]

    def __len__(self) -> int:
        return -(-len(self._order) // BATCH)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = self._order[index * BATCH : (index + 1) * BATCH]
        rng = np.random.default_rng([self.number, index])
        quiet = chosen < 0
        clips = as_float(self._clips.samples[np.where(quiet, 0, chosen)])
        clips = self._augment(clips, self._noise, rng)
        clips[quiet] = silence(self._noise, rng, int(quiet.sum()), clips.shape[1])
        return clips, np.where(quiet, self._silence, self._clips.labels[chosen]).astype(np.int32)


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
        np.concatenate([clips.synthetic, np.zeros(count, bool)]),
    )


def as_float(samples: np.ndarray) -> np.ndarray:
    """int16 samples as float32 in [-1, 1]."""
    return samples.astype(np.float32) / 32768

"""Classifying clips: accuracy, recall and precision of each class, confusion matrix."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from kws import audio
from kws.datasets import clips
from kws.labels import UNKNOWN
from kws.runtime.model import Model
from kws.utils.console import note
from kws.utils.errors import KwsError


def evaluate(
    model: Model,
    folder: Path | str,
    split: str | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict:
    """Classify every clip of a folder that has a sub-folder for each label.

    split: only the clips of "training", "validation" or "testing" (see ``kws.datasets.clips``).
    Labels that the model does not know count as ``_unknown_``. Returns the counts of
    ``summary``. Raises KwsError for a missing or empty folder or an unreadable clip.
    """
    found = clips.scan(folder)
    if split:
        found = found.of_splits(split)
    truth = [label_of(clip.word, model.labels, folder) for clip in found]
    decided = []
    for k, clip in enumerate(found):
        decided.append(_classify(model, clips.fit(audio.read(clip.path), model.samples)))
        progress(k + 1, len(found))
    note(found.summary())
    return summary(model.labels, truth, decided)


def evaluate_clips(model: Model, clip_set: clips.ClipSet) -> dict:
    """``evaluate`` for clips that are decoded already."""
    decided = [_classify(model, audio.from_int16(samples)) for samples in clip_set.samples]
    return summary(model.labels, clip_set.labels.tolist(), decided)


def _classify(model: Model, samples: np.ndarray) -> int:
    return int(np.argmax(model(model.frontend.features(samples))))


def summary(labels: Sequence[str], truth: Sequence[int], decided: Sequence[int]) -> dict:
    """``accuracy``, ``clips``, ``per_class`` (clips, recall, precision) and ``confusion``.

    truth, decided: the class of each clip, and the one that the model chose. ``confusion[i][j]``
    counts clips of class i for which it chose class j.
    """
    confusion = np.zeros((len(labels), len(labels)), int)
    np.add.at(confusion, (np.asarray(truth), np.asarray(decided)), 1)
    correct, of_class, as_class = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    per_class = {
        label: {
            "clips": int(of_class[k]),
            "recall": round(float(correct[k] / of_class[k]), 4) if of_class[k] else None,
            "precision": round(float(correct[k] / as_class[k]), 4) if as_class[k] else None,
        }
        for k, label in enumerate(labels)
    }
    return {
        "accuracy": round(float(correct.sum() / confusion.sum()), 5),
        "clips": int(confusion.sum()),
        "labels": list(labels),
        "per_class": per_class,
        "confusion": confusion.tolist(),
    }


def label_of(word: str, labels: Sequence[str], folder: Path | str) -> int:
    """The index of a folder's name among the labels, or that of ``_unknown_``.

    Raises KwsError if the model has no such label and no ``_unknown_``.
    """
    if word in labels:
        return labels.index(word)
    if UNKNOWN in labels:
        return labels.index(UNKNOWN)
    known = ", ".join(labels)
    raise KwsError(f"{folder}: the model has no label for {word!r}; it knows {known}", 2)

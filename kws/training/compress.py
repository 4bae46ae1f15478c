"""``kws compress``: a trained network gets structured layers, and is fine-tuned on clips."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from kws import recipe
from kws.structured.compression import compress
from kws.training.dataset import augmented, features_of, load_corpus
from kws.training.fit import predict
from kws.training.run_folder import RECIPE, read_network, save_network
from kws.training.train import fine_tune
from kws.utils.errors import KwsError
from kws.utils.files import write_text


def compress_run(
    path: Path,
    out: Path,
    *,
    rank: int | None = None,
    budget: int | None = None,
    data: Path | None = None,
    noise: Path | None = None,
    epochs: int = 10,
    learning_rate: float | None = None,
    report: Callable[[str], None] = print,
) -> dict:
    """Compress the network in ``path`` to ``out``, both .keras files, by rank or by bytes.

    rank, budget: as ``rank`` and ``budget_bytes`` of ``kws.structured.compress``. data: a folder
    of clips. With it the network is fine-tuned by the recipe.toml beside ``path``, for ``epochs``
    and from ``learning_rate`` on, by default the recipe's. The original network is the teacher if
    the recipe has none (Hinton et al. 2015). The recipe is copied beside ``out``, so that its
    folder can be exported. report: gets the lines for the user.

    Returns the bytes before and after, the rank of each layer, and the accuracies on the
    validation clips. Raises KwsError if the network cannot be compressed, or if a file that is
    needed is missing or damaged.
    """
    if out.suffix != ".keras":
        raise KwsError(f"{out}: the compressed model's name must end in .keras", 2)
    if data and not (path.parent / RECIPE).exists():
        raise KwsError(f"{path}: has no {RECIPE} beside it; fine-tuning needs the recipe", 2)
    original = read_network(path)
    if data:
        plan, text = recipe.load(path.parent)
        plan = _fine_tuning(plan, path, epochs, learning_rate)
        corpus = load_corpus(plan, data, noise)
    try:
        result = compress(original, rank=rank, budget_bytes=budget)
    except ValueError as error:
        raise KwsError(str(error)) from error
    report(result.table())
    accuracies = {}
    if data:
        checks = features_of(plan, corpus.validation), corpus.validation.labels
        accuracies["original"] = _accuracy(original, *checks)
        accuracies["compressed"] = _accuracy(result.model, *checks)
        fine_tune(result.model, plan, augmented(plan, corpus), corpus.validation)
        accuracies["fine_tuned"] = _accuracy(result.model, *checks)
        for name, accuracy in accuracies.items():
            name, clips = name.replace("_", "-"), len(corpus.validation)
            report(f"{name:10} {accuracy:.2%} of {clips} validation clips")
        write_text(out.parent / RECIPE, text)
    save_network(result.model, out)
    return {
        "bytes_before": result.bytes_before,
        "bytes_after": result.bytes_after,
        "ranks": {row.name: row.rank for row in result.rows},
        "accuracy": {name: round(value, 5) for name, value in accuracies.items()},
    }


def _fine_tuning(
    plan: recipe.Recipe, path: Path, epochs: int, learning_rate: float | None
) -> recipe.Recipe:
    """The recipe of a network, changed for its fine-tuning."""
    schedule = replace(
        plan.training,
        epochs=epochs,
        learning_rate=learning_rate or plan.training.learning_rate,
        teacher=plan.training.teacher or str(path),
    )
    # A small network learns less with masks: words-12-dense lost 1.5 points more at a third of
    # its size.
    augment = replace(plan.augment, time_mask_ms=0.0, band_mask=0)
    return replace(plan, training=schedule, augment=augment)


def _accuracy(network: keras.Model, features: np.ndarray, labels: np.ndarray) -> float:
    return float(np.mean(predict(network, features).argmax(axis=1) == labels))

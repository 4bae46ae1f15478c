"""``kws compress``: a trained network gets structured layers, and is fine-tuned on clips."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from kws import recipe, training
from kws.corpus.batches import PlainBatches, TrainingBatches
from kws.errors import KwsError
from kws.files import replacing, write_text
from kws.frontend import FrontEnd
from kws.run_folder import RECIPE
from kws.structured.compression import compress, compress_file


def compress_run(
    path: Path,
    out: Path,
    rank: int | None,
    budget: int | None,
    data: Path | None = None,
    noise: Path | None = None,
    epochs: int = 10,
    report: Callable[[str], None] = print,
) -> dict:
    """Compress the network ``path`` to ``out`` (both .keras), by rank or by bytes.

    data: a folder of clips; with it the network is fine-tuned as the recipe.toml beside ``path``
    says, its targets the original network's answers (Hinton et al. 2015, "dark knowledge"), and
    the accuracies on the validation clips are reported. The recipe goes along with ``out``, so
    that its folder can be exported. Returns the figures; raises KwsError if something is amiss.
    """
    if data is None:
        result = compress_file(path, out, report, rank=rank, budget_bytes=budget)
        return _figures(result, {})
    if not (path.parent / RECIPE).exists():
        raise KwsError(f"{path}: has no {RECIPE} beside it; fine-tuning needs the recipe", 2)
    plan, text = recipe.load(path.parent)
    clips, validation, bank = training.load_corpus(plan, data, noise)
    original = training.read_network(path)
    batches = _TaughtBatches(TrainingBatches(clips, plan, bank), plan.frontend, original)
    checks = PlainBatches(validation, original.output_shape[-1])
    # Masks are for networks with room to spare: with them words-12-third lost 1.5 points more.
    augment = replace(plan.augment, time_mask_ms=0.0, band_mask=0)
    plan = replace(plan, training=replace(plan.training, epochs=epochs), augment=augment)
    result = compress(original, rank=rank, budget_bytes=budget)
    report(result.table())
    accuracies = {
        "original": _accuracy(original, checks, plan.frontend),
        "compressed": _accuracy(result.model, checks, plan.frontend),
    }
    training.go_on(result.model, plan, batches, validation)
    accuracies["fine_tuned"] = _accuracy(result.model, checks, plan.frontend)
    with replacing(out) as temporary:
        result.model.save(temporary)
    for name, accuracy in accuracies.items():
        report(f"{name.replace('_', '-'):10} {accuracy:.2%} of {len(validation)} validation clips")
    write_text(out.parent / RECIPE, text)
    return _figures(result, accuracies)


class _TaughtBatches(keras.utils.PyDataset):
    """Training batches with half of each target from the teacher's answer."""

    def __init__(self, batches: TrainingBatches, frontend: FrontEnd, teacher: keras.Model):
        super().__init__()
        self._batches, self._frontend, self._teacher = batches, frontend, teacher

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int):
        samples, labels = self._batches[index]
        features = self._frontend.features(samples)
        taught = np.asarray(self._teacher.predict_on_batch(features))
        return samples, (labels + taught) / 2

    def on_epoch_end(self) -> None:
        self._batches.on_epoch_end()


def _accuracy(model: keras.Model, checks: PlainBatches, frontend: FrontEnd) -> float:
    right = total = 0
    for index in range(len(checks)):
        samples, labels = checks[index]
        scores = np.asarray(model.predict_on_batch(frontend.features(samples)))
        right += int(np.sum(scores.argmax(axis=1) == labels.argmax(axis=1)))
        total += len(labels)
    return right / total


def _figures(result, accuracies: dict[str, float]) -> dict:
    return {
        "bytes_before": result.bytes_before,
        "bytes_after": result.bytes_after,
        "ranks": {row.name: row.rank for row in result.rows},
        "accuracy": {name: round(value, 5) for name, value in accuracies.items()},
    }

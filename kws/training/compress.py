"""``kws compress``: a trained network gets structured layers, and is fine-tuned on clips."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from kws import recipe
from kws.structured.compression import Compression, compress
from kws.training.dataset import augmented, features_of, load_corpus
from kws.training.fit import predict
from kws.training.run_folder import RECIPE, read_network, save_network
from kws.training.train import fine_tune
from kws.utils.errors import KwsError
from kws.utils.files import replacing, write_text


def compress_run(
    path: Path,
    out: Path,
    rank: int | None,
    budget: int | None,
    data: Path | None = None,
    noise: Path | None = None,
    epochs: int = 10,
    learning_rate: float | None = None,
    report: Callable[[str], None] = print,
) -> dict:
    """Compress the network ``path`` to ``out`` (both .keras), by rank or by bytes.

    data: a folder of clips; with it the network is fine-tuned as the recipe.toml beside ``path``
    says, for ``epochs`` and, if given, from ``learning_rate`` on. Without a teacher in the recipe
    the original network is one (Hinton et al. 2015, "dark knowledge"). The accuracies on the
    validation clips are reported. The recipe goes along with ``out``, so that its folder can be
    exported. Returns the figures; raises KwsError if something is amiss.
    """
    if data is None:
        result = compress_file(path, out, report, rank=rank, budget_bytes=budget)
        return _figures(result, {})
    if not (path.parent / RECIPE).exists():
        raise KwsError(f"{path}: has no {RECIPE} beside it; fine-tuning needs the recipe", 2)
    plan, text = recipe.load(path.parent)
    corpus = load_corpus(plan, data, noise)
    validation = corpus.validation
    original = read_network(path)
    # Masks are for networks with room to spare: with them a third of words-12-dense lost 1.5
    # points more.
    augment = replace(plan.augment, time_mask_ms=0.0, band_mask=0)
    schedule = replace(
        plan.training,
        epochs=epochs,
        learning_rate=learning_rate or plan.training.learning_rate,
        teacher=plan.training.teacher or str(path),
    )
    plan = replace(plan, training=schedule, augment=augment)
    checks = features_of(plan, validation), validation.labels
    result = _compressed(original, rank=rank, budget_bytes=budget)
    report(result.table())
    accuracies = {
        "original": _accuracy(original, *checks),
        "compressed": _accuracy(result.model, *checks),
    }
    fine_tune(result.model, plan, augmented(plan, corpus), validation)
    accuracies["fine_tuned"] = _accuracy(result.model, *checks)
    save_network(result.model, out)
    for name, accuracy in accuracies.items():
        report(f"{name.replace('_', '-'):10} {accuracy:.2%} of {len(validation)} validation clips")
    write_text(out.parent / RECIPE, text)
    return _figures(result, accuracies)


def _accuracy(model: keras.Model, features: np.ndarray, labels: np.ndarray) -> float:
    return float(np.mean(predict(model, features).argmax(axis=1) == labels))


def _figures(result, accuracies: dict[str, float]) -> dict:
    return {
        "bytes_before": result.bytes_before,
        "bytes_after": result.bytes_after,
        "ranks": {row.name: row.rank for row in result.rows},
        "accuracy": {name: round(value, 5) for name, value in accuracies.items()},
    }


def compress_file(
    path: Path | str,
    out: Path | str | None = None,
    report: Callable[[str], None] = print,
    **arguments,
) -> Compression:
    """``compress`` for a ``.keras`` file; writes ``out``, by default NAME.compressed.keras.

    ``arguments`` are those of ``compress``; ``report`` gets the table.
    """
    path = Path(path)
    out = Path(out) if out else path.with_name(f"{path.stem}.compressed.keras")
    if out.suffix != ".keras":
        raise KwsError(f"{out}: the compressed model's name must end in .keras.", exit_code=2)
    if not path.is_file():
        raise KwsError(f"{path}: there is no such file.")
    try:
        model = keras.models.load_model(path)
    except Exception as error:  # a damaged file fails in many ways, deep inside of Keras
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise KwsError(f"{path}: not a Keras model that can be loaded: {reason}") from error
    result = _compressed(model, **arguments)
    with replacing(out) as temporary:
        result.model.save(temporary)
    report(result.table())
    return result


def _compressed(model: keras.Model, **arguments) -> Compression:
    try:
        return compress(model, **arguments)
    except ValueError as error:
        raise KwsError(str(error)) from error

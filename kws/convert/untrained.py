"""Model files without a training: a network of a recipe's size, for measuring its speed."""

from collections.abc import Sequence
from pathlib import Path

from kws.labels import label_names
from kws.recipe import Recipe
from kws.tflite.metadata import write_metadata
from kws.utils.console import load_keras
from kws.utils.files import write_bytes


def untrained(plan: Recipe, name: str, quantized: Sequence[str], folder: Path) -> list[Path]:
    """Write a recipe's network to ``folder``: a file for each of the quantizations."""
    load_keras()
    from kws import networks
    from kws.convert.convert import convert

    labels = label_names(plan.data.words)
    network = networks.build(plan.network, plan.shape, len(labels))
    frontend = plan.frontend.to_dict()
    metadata = {"labels": labels, "samples": plan.samples, "frontend": frontend}
    files = []
    for quantize in quantized:
        suffix = "" if quantize == "none" else f"-{quantize}"
        files.append(folder / f"{name}{suffix}.tflite")
        lowered = convert(network, lowering="custom", quantize=quantize).data
        write_bytes(files[-1], write_metadata(lowered, metadata))
    return files

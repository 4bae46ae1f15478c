"""What a recipe's network will cost: parameters, bytes, work; nothing is trained."""

from dataclasses import dataclass
from pathlib import Path

import keras

from kws import networks, recipe
from kws.convert.convert import convert
from kws.convert.streaming import can_stream, frames_nearest
from kws.labels import label_names
from kws.runtime.decision import STEP_MS
from kws.tflite.inspect import LayerRow, inspect_model


@dataclass(frozen=True)
class Summary:
    """The costs of a network with random weights, as its files have them.

    layers: the operators of the float32 file. float_bytes, int8_bytes: of the files without
    labels, the second with --quantize compact. macs_per_second, ffts_per_second: per second of
    audio where the whole window is computed every ``step_ms``; streaming_*: where only what is
    new is, None for a network that cannot.
    """

    name: str
    frames: int
    step_ms: float
    parameters: int
    float_bytes: int
    int8_bytes: int
    macs_per_second: float
    ffts_per_second: float
    streaming_macs_per_second: float | None
    streaming_ffts_per_second: float | None
    layers: list[LayerRow]


def summarise(path: Path | str) -> Summary:
    """The summary of the recipe at ``path``. Raises KwsError as ``recipe.load`` does."""
    plan, _ = recipe.load(path)
    keras.utils.set_random_seed(0)
    network = networks.build(plan.network, plan.shape, len(label_names(plan.data.words)))
    plain, compact = (
        convert(network, lowering="custom", quantize=quantize).data
        for quantize in ("none", "compact")
    )
    layers = inspect_model(plain)
    steps = 1000 / STEP_MS
    macs = ffts = None
    if can_stream(network):
        frames = frames_nearest(network, STEP_MS / plan.frontend.hop_ms)
        new = inspect_model(convert(network, lowering="custom", frames=frames).data)
        steps = 1000 / (frames * plan.frontend.hop_ms)
        macs, ffts = _sum(new, "macs") * steps, _sum(new, "ffts") * steps
    return Summary(
        name=Path(path).stem,
        frames=plan.frames,
        step_ms=STEP_MS,
        parameters=network.count_params(),
        float_bytes=len(plain),
        int8_bytes=len(compact),
        macs_per_second=_sum(layers, "macs") * steps,
        ffts_per_second=_sum(layers, "ffts") * steps,
        streaming_macs_per_second=macs,
        streaming_ffts_per_second=ffts,
        layers=layers,
    )


def _sum(layers: list[LayerRow], key: str) -> int:
    return sum(getattr(layer, key) for layer in layers)

"""The time of an epoch of 10,000 clips, for every network of the accuracy study.

    python docs/results/epochs.py

The features are made up, which makes no difference to the time. Reading and augmenting the clips,
and the teacher's probabilities, are left out: they are computed once for all trainings.
"""

import json
import time
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np

from kws import networks, recipe
from kws.datasets import clips
from kws.labels import label_names
from kws.training.train import fine_tune
from kws.utils.files import write_text
from kws.utils.provenance import provenance

STUDY, RESULTS = Path("docs/results/accuracy.toml"), Path("docs/results/epochs.json")
COMMAND = "python docs/results/epochs.py"
CLIPS = 10_000


class MadeUp:
    """Made-up features and labels instead of ``kws.datasets.features.AugmentedFeatures``."""

    count = 1

    def __init__(self, plan: recipe.Recipe, classes: int):
        rng = np.random.default_rng(0)
        shape = (CLIPS, plan.frames, plan.frontend.bands)
        self._features = rng.normal(size=shape).astype(np.float16)
        self._labels = rng.integers(0, classes, CLIPS)

    def __getitem__(self, k: int):
        return self._features, self._labels


def cost(plan: recipe.Recipe) -> tuple[float, float]:
    """Seconds and CPU seconds of an epoch: how much longer two epochs take than one."""
    classes = len(label_names(plan.data.words))
    features = MadeUp(plan, classes)
    few = np.zeros((8, plan.samples), np.int16), np.zeros(8, np.int32), np.zeros(8, bool)
    taken = []
    for epochs in (1, 2):
        schedule = replace(plan.training, epochs=epochs, teacher="")
        short = replace(plan, training=schedule)
        network = networks.build(plan.network, plan.shape, classes)
        began = time.monotonic(), time.process_time()
        fine_tune(network, short, features, clips.ClipSet(*few))
        taken.append((time.monotonic() - began[0], time.process_time() - began[1]))
    return tuple(two - one for one, two in zip(*taken, strict=True))


def main() -> None:
    rows = {}
    for cell in tomllib.loads(STUDY.read_text(encoding="utf-8"))["cells"]:
        if "training" in cell:
            continue  # the same network, trained in another way
        plan, _ = recipe.load(STUDY.parent / cell["recipe"])
        plan = replace(plan, network=replace(plan.network, **cell.get("network", {})))
        seconds, processor = cost(plan)
        rows[cell["name"]] = {"seconds": round(seconds, 1), "cpu_seconds": round(processor, 1)}
        print(f"{cell['name']:28} {seconds:6.1f} s  {processor:6.1f} CPU s")
    made_by = provenance() | {"command": COMMAND}
    write_text(RESULTS, json.dumps({"made_by": made_by, "epochs": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()

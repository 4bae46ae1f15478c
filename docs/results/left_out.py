"""How well synthetic clips replace recordings: words left out of training, tested on people.

    python docs/results/left_out.py DATA RUN

DATA is Speech Commands v0.02. The recipe of models/commands-12 is trained once more on all
recordings but those of two words: "up" has none, its training clips are all synthetic, and "go"
has twelve, as many as yes, no, on, off and stop. Every recording of the two that was held back is
then a test. RUN, the folder of the training, goes on where it was stopped.
"""

import json
import sys
import tomllib
from pathlib import Path

import numpy as np
import tomli_w

from kws import audio, recipe
from kws.datasets import clips
from kws.pipeline import export
from kws.runtime.model import Model
from kws.synthesis.corpus import complete
from kws.training.dataset import load_corpus
from kws.training.run_folder import RECIPE, init_run
from kws.training.train import train
from kws.utils.console import load_keras
from kws.utils.files import write_text
from kws.utils.provenance import provenance

RELEASED, RESULTS = Path("models/commands-12"), Path("docs/results/left_out.json")
COMMAND = "python docs/results/left_out.py DATA RUN"
KEPT = {"up": 0, "go": 12}


def spoken(data: Path, split: str, skip: dict[str, int]) -> dict[str, list[Path]]:
    """The split's recordings of each word, without the first ``skip``."""
    found = [clip for clip in clips.scan(data) if clip.split == split]
    return {
        word: [clip.path for clip in found if clip.word == word][skip.get(word, 0) :]
        for word in KEPT
    }


def recalls(model: Model, recordings: dict[str, list[Path]]) -> dict[str, dict]:
    """For each word: the number of recordings, the recall, and the labels that were decided."""
    result = {}
    for word, paths in recordings.items():
        sounds = [clips.fit(audio.read(path), model.samples) for path in paths]
        decided = [int(np.argmax(model(model.frontend.features(sound)))) for sound in sounds]
        taken_for = {label: decided.count(k) for k, label in enumerate(model.labels)}
        result[word] = {
            "clips": len(paths),
            "recall": round(taken_for[word] / len(paths), 4),
            "taken_for": taken_for,
        }
    return result


def main(data: Path, run: Path) -> None:
    load_keras()
    text = (RELEASED / RECIPE).read_text(encoding="utf-8")
    plan = recipe.parse(text)
    synthetic = [Path(folder).expanduser() for folder in plan.data.synthetic]
    complete(data, synthetic, plan.data.words, run / "data", few=KEPT)
    tables = tomllib.loads(text)
    del tables["data"]["synthetic"]  # the clips are in the folder now
    init_run(run, tomli_w.dumps(tables), fresh=False)
    train(run, load_corpus(plan, run / "data"))
    file = run / "dense.tflite"
    export(run, file, lowering="dense", quantize="none", force=True)
    model, validation = Model(file), spoken(data, "validation", {})
    result = {
        "made_by": provenance() | {"command": COMMAND},
        "recordings_in_training": KEPT,
        "held_back": recalls(model, spoken(data, "training", KEPT)),
        "validation": recalls(model, validation),
        "released_on_validation": recalls(Model(RELEASED / "dense.tflite"), validation),
    }
    write_text(RESULTS, json.dumps(result, indent=1) + "\n")
    for part in ("held_back", "validation", "released_on_validation"):
        print(part, {word: found["recall"] for word, found in result[part].items()})


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

"""What ``kws bench model`` measures: our files, networks of recipes, other projects' files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kws import recipe
from kws.convert.untrained import untrained
from kws.evaluation.systems import MicroWakeWord, OpenWakeWord
from kws.runtime.decision import STEP_MS
from kws.tflite.metadata import read_model
from kws.tflite.pack import pack, unpack
from kws.utils.errors import KwsError
from kws.utils.files import write_bytes

# What the first of openWakeWord's networks takes at a step: the new samples, and some of the past.
_OPEN_SAMPLES = 1760


@dataclass(frozen=True)
class Candidate:
    """A .tflite under the name that it gets in the table.

    step_ms: audio between two inferences. ours: whether kws_runner can run it, front end and all.
    """

    name: str
    file: Path
    step_ms: float
    ours: bool = True


def candidates(arguments: Sequence[Path], folder: Path) -> list[Candidate]:
    """Those of .tflite files, of all in a folder, and of recipes, which become files in ``folder``.

    A recipe's network is not trained, which makes no difference to its speed. Raises KwsError for
    what is none of these.
    """
    found = []
    for argument in arguments:
        if argument.suffix == ".toml":
            plan, _ = recipe.load(argument)
            files = untrained(plan, argument.stem, ("none", "dynamic"), folder)
            found += [our_own(file, f"{file.stem} (untrained)") for file in files]
            continue
        files = sorted(argument.glob("*.tflite")) if argument.is_dir() else [argument]
        if not files:
            raise KwsError(f"{argument}: no .tflite in there", 2)
        found += [our_own(file) for file in files]
    return found


def our_own(file: Path, name: str | None = None) -> Candidate:
    """A file that kws exported. Raises KwsError if it is none."""
    _, metadata = read_model(file)
    step = STEP_MS
    if "stream" in metadata:
        step = metadata["stream"]["frames"] * metadata["frontend"]["hop_ms"]
    return Candidate(name or f"{file.absolute().parent.name}/{file.stem}", file, step)


def peers(folder: Path) -> list[Candidate]:
    """The "alexa" of microWakeWord and openWakeWord, from their packages.

    Only the networks: microWakeWord's front end is no part of its file. Raises KwsError if the
    packages are not installed.
    """
    features, embedding, word = OpenWakeWord.files("alexa")
    step = OpenWakeWord.step_ms
    return [
        Candidate(
            "microWakeWord/alexa", MicroWakeWord.model_file("alexa"), MicroWakeWord.step_ms, False
        ),
        Candidate("openWakeWord/features", _of_a_step(features, folder), step, ours=False),
        Candidate("openWakeWord/embedding", embedding, step, ours=False),
        Candidate("openWakeWord/alexa", word, step, ours=False),
    ]


def _of_a_step(features: Path, folder: Path) -> Path:
    """openWakeWord's features take any number of samples; here as many as its stream gives."""
    model = unpack(features.read_bytes())
    graph = model.subgraphs[0]
    tensor = graph.tensors[graph.inputs[0]]
    tensor.shape, tensor.shapeSignature = [1, _OPEN_SAMPLES], None
    file = folder / "melspectrogram.tflite"
    write_bytes(file, pack(model))
    return file

"""What ``kws bench model`` measures: our files, networks of recipes, other projects' files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kws import recipe
from kws.convert.untrained import untrained
from kws.evaluation.systems import MicroWakeWord, OpenWakeWord, Peer
from kws.runtime.decision import STEP_MS
from kws.tflite.metadata import read_model
from kws.tflite.pack import pack, unpack
from kws.utils.errors import KwsError
from kws.utils.files import write_bytes

WORD = "alexa"  # of the peers
# What openWakeWord's stream gives its first network at a time: new samples and some of the past.
_OPEN_SAMPLES = 1760


@dataclass(frozen=True)
class ModelFile:
    """A .tflite with its name in the tables.

    step_ms: audio between two inferences. ours: whether it is of kws, so that kws_runner runs it.
    """

    name: str
    path: Path
    step_ms: float
    ours: bool = True


def find_models(arguments: Sequence[Path], folder: Path) -> list[ModelFile]:
    """.tflite files, all of a folder, and networks of recipes, which are written to ``folder``.

    A recipe's network is not trained, which makes no difference to its speed. Raises KwsError for
    what is none of these.
    """
    found = []
    for argument in arguments:
        if argument.suffix == ".toml":
            plan, _ = recipe.load(argument)
            files = untrained(plan, argument.stem, ("none", "dynamic"), folder)
            found += [kws_model(file, f"{file.stem} (untrained)") for file in files]
            continue
        files = sorted(argument.glob("*.tflite")) if argument.is_dir() else [argument]
        if not files:
            raise KwsError(f"{argument}: no .tflite in there", 2)
        found += [kws_model(file) for file in files]
    return found


def kws_model(file: Path, name: str | None = None) -> ModelFile:
    """A file that kws exported. Raises KwsError for any other."""
    _, metadata = read_model(file)
    step = STEP_MS
    if "stream" in metadata:
        step = metadata["stream"]["frames"] * metadata["frontend"]["hop_ms"]
    return ModelFile(name or f"{file.absolute().parent.name}/{file.stem}", file, step)


def peer_models(folder: Path) -> list[ModelFile]:
    """The networks of "alexa" of microWakeWord, whose front end is no network, and openWakeWord.

    folder: where a changed copy of one is written. Raises KwsError if their packages are not
    installed.
    """

    def model(peer: type[Peer], part: str, path: Path) -> ModelFile:
        return ModelFile(f"{peer.title}/{part}", path, peer.step_ms, ours=False)

    features, embedding, word = OpenWakeWord.files(WORD)
    return [
        model(MicroWakeWord, WORD, MicroWakeWord.model_file(WORD)),
        model(OpenWakeWord, "features", _with_fixed_input(features, folder)),
        model(OpenWakeWord, "embedding", embedding),
        model(OpenWakeWord, WORD, word),
    ]


def _with_fixed_input(features: Path, folder: Path) -> Path:
    """openWakeWord's features, which take any number of samples, for those of one step."""
    model = unpack(features.read_bytes())
    graph = model.subgraphs[0]
    tensor = graph.tensors[graph.inputs[0]]
    tensor.shape, tensor.shapeSignature = [1, _OPEN_SAMPLES], None
    file = folder / features.name
    write_bytes(file, pack(model))
    return file

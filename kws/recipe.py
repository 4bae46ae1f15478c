"""A recipe: everything that decides what a training makes, in one TOML file.

``models/<name>/recipe.toml`` has a table for each part: [data], [frontend], [network],
[augment], [training]. What is left out takes the default below; what is misspelt is refused.
"""

import dataclasses
import difflib
import tomllib
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path

from kws.corpus.augment import Augment
from kws.errors import KwsError
from kws.frontend import FrontEnd


@dataclass(frozen=True)
class Data:
    """Which clips: words to spot, seconds of a clip, and how much of the two other classes.

    folder: one folder of recordings a word, relative to the working folder. noise: a folder of
    background recordings; empty for the corpus's own, or synthetic noise. synthetic: folders of
    synthetic clips, one folder a word, that eke out the recordings in training. negatives: a
    folder of speech without the words, cut into more clips of the unknown class. unknown,
    silence: clips of those classes an epoch, as a multiple of the mean number of clips a word.
    """

    words: list[str]
    folder: str = ""
    noise: str = ""
    synthetic: list[str] = field(default_factory=list)
    negatives: str = ""
    seconds: float = 1.0
    unknown: float = 1.0
    silence: float = 0.7


FAMILIES = ("temporal", "listener", "separable", "paper", "dnn", "ds-cnn", "tc-resnet", "bc-resnet")
STRUCTURES = (
    *("dense", "toeplitz", "hankel", "toeplitz_hankel", "vandermonde", "cauchy", "ldr_sd"),
    *("circulant", "skew_circulant", "plain_toeplitz", "low_rank", "fastfood", "hashed", "edges"),
)


@dataclass(frozen=True)
class Network:
    """One of the families of ``kws.networks``.

    temporal: stack frames are joined into one step; a stem and residual blocks of a channel mix
    and a temporal filter of ``kernel`` steps, ``channels`` wide, ``blocks`` of them. stride: of
    the stem's filter. structure, rank: of the mixes ("dense" has no rank); stem, stem_rank: of
    the stem's mix where it differs.

    listener: body "temporal" or "ds-cnn", the keys as for these, and on what it tells every 80 ms
    a head, ``narrow`` and then twice as wide (``kws.ear``).

    paper: filters of its convolution; units, structure and rank of its hidden layer.

    separable: ds-cnn with mixes of that structure and rank.

    dnn: ``blocks`` hidden layers of ``channels``. ds-cnn: ``channels``, ``blocks`` (DS-CNN-S: 64,
    4). tc-resnet, bc-resnet: ``channels`` as a scale (TC-ResNet8: 16; BC-ResNet-1: 8).
    """

    family: str = "temporal"
    stack: int = 2
    channels: int = 96
    blocks: int = 5
    kernel: int = 5
    stride: int = 1
    structure: str = "toeplitz"
    rank: int = 4
    stem: str = ""
    stem_rank: int = 0
    filters: int = 186
    units: int = 1674
    body: str = "temporal"
    narrow: int = 24
    dropout: float = 0.1

    def __post_init__(self) -> None:
        for key, known in (
            *(("family", FAMILIES), ("body", ("temporal", "ds-cnn"))),
            *(("structure", STRUCTURES), ("stem", STRUCTURES)),
        ):
            value = getattr(self, key)
            if value not in known and not (key == "stem" and value == ""):
                raise KwsError(f"network: {key} = {value!r}; use one of {', '.join(known)}", 2)


@dataclass(frozen=True)
class Training:
    """The schedule: linear warm-up to ``learning_rate``, then a cosine to zero (AdamW).

    generator_rate: what that is multiplied with for the generators of structured layers.
    averaging: momentum of the averaged weights that are kept; 0 keeps the last. teacher: a
    .keras file, or the folder of a model that holds one; its answers are ``taught`` of each
    target, the labels the rest (Hinton et al. 2015).
    start: a .keras file or such a folder, of a dense network of the same form; the training begins
    with its weights, and with the structured mixes that are nearest to its dense ones.
    ear: epochs in which a listener is asked for that embedding alone, before it is taught words.
    back: how far the ear goes back afterwards to what it was before (``kws.settling``).
    expected: share of what a clip's origin, recorded or synthetic, makes likely that is told
    beforehand and so not learnt (``kws.origins``); for words with few recordings.
    """

    epochs: int = 30
    batch: int = 128
    learning_rate: float = 1e-2
    generator_rate: float = 1.0
    warmup_epochs: float = 1.0
    weight_decay: float = 1e-3
    label_smoothing: float = 0.05
    averaging: float = 0.99
    teacher: str = ""
    taught: float = 0.5
    start: str = ""
    ear: int = 0
    back: float = 0.0
    expected: float = 0.0
    seed: int = 1


@dataclass(frozen=True)
class Recipe:
    data: Data
    frontend: FrontEnd = field(default_factory=FrontEnd)
    network: Network = field(default_factory=Network)
    augment: Augment = field(default_factory=Augment)
    training: Training = field(default_factory=Training)

    @property
    def samples(self) -> int:
        """Samples of a clip."""
        return round(self.data.seconds * self.frontend.rate)

    @property
    def frames(self) -> int:
        """Frames of a clip."""
        return self.frontend.frames_in(self.samples)


def load(path: Path | str) -> tuple[Recipe, str]:
    """The recipe at ``path`` (a .toml, or a folder with recipe.toml) and its text."""
    path = Path(path)
    path = path / "recipe.toml" if path.is_dir() else path
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise KwsError(f"{path}: no such recipe", 2) from error
    except UnicodeDecodeError as error:
        raise KwsError(f"{path}: is not a text file in UTF-8", 2) from error
    try:
        return parse(text), text
    except KwsError as error:
        raise KwsError(f"{path}: {error}", 2) from error


def parse(text: str) -> Recipe:
    """The recipe that a TOML text describes. Raises KwsError naming what is wrong with it."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise KwsError(f"is not valid TOML: {error}", 2) from error
    recipe = _build(Recipe, tables, "")
    if recipe.training.ear and recipe.network.family != "listener":
        raise KwsError("training: ear is for a network of the family 'listener'", 2)
    if recipe.training.back and not recipe.training.ear:
        raise KwsError("training: back is for an ear; say how many epochs it has: ear = 8", 2)
    if not recipe.data.words:
        raise KwsError("data: words is empty; name at least one word", 2)
    for table, key, least in [
        ("data", "seconds", 0.2),
        ("network", "stack", 1),
        ("network", "channels", 1),
        ("network", "blocks", 0),
        ("network", "kernel", 1),
        ("network", "stride", 1),
        ("network", "rank", 1),
        ("training", "epochs", 1),
        ("training", "batch", 1),
    ]:
        if getattr(getattr(recipe, table), key) < least:
            raise KwsError(f"{table}: {key} must be at least {least}", 2)
    return recipe


def _build(kind: type, table: dict, where: str):
    hints = typing.get_type_hints(kind)
    known = {f.name: f for f in dataclasses.fields(kind)}
    values = {}
    for key, value in table.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}"
            raise KwsError(f"{where or 'the recipe'}: unknown key {key!r}{hint}", 2)
        if dataclasses.is_dataclass(hints[key]):
            if not isinstance(value, dict):
                raise KwsError(f"{key} must be a table: write [{key}]", 2)
            values[key] = _build(hints[key], value, key)
        else:
            values[key] = _checked(value, hints[key], f"{where}: {key}")
    for name, f in known.items():
        required = f.default is f.default_factory is dataclasses.MISSING
        if required and name not in values:
            raise KwsError(f"{where or 'the recipe'}: {name!r} is missing", 2)
    return kind(**values)


def _checked(value, hint, where: str):
    origin = typing.get_origin(hint)
    if origin in (list, tuple):
        if not isinstance(value, list):
            raise KwsError(f"{where} must be a list", 2)
        items = typing.get_args(hint)
        if origin is tuple and len(items) != len(value):
            raise KwsError(f"{where} needs {len(items)} values", 2)
        kinds = items * len(value) if origin is list else items
        return origin(_checked(v, k, where) for v, k in zip(value, kinds, strict=True))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(hint, types.UnionType) or type(value) is not hint:
        raise KwsError(f"{where} must be {_ARTICLE[hint]}, not {value!r}", 2)
    return value


_ARTICLE = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}

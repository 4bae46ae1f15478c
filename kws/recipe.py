"""A recipe: everything that decides what a training makes, in one TOML file.

``models/<name>/recipe.toml`` has a table for each part: [data], [frontend], [network],
[augment], [training]. What is left out has its default. What is misspelt, or of the wrong type or
size, is refused.
"""

import dataclasses
import difflib
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import msgspec

from kws.datasets.augment import Augment
from kws.datasets.config import Data
from kws.frontend.log_mel import FrontEnd
from kws.networks.config import Network
from kws.utils.console import note_once
from kws.utils.errors import KwsError

# Keys of earlier recipes, which released files still hold, and their names today.
RENAMED = {
    "network": {"narrow": "bottleneck"},
    "training": {
        "averaging": "ema_momentum",
        "taught": "teacher_weight",
        "start": "init_from",
        "ear": "encoder_epochs",
        "back": "encoder_interpolation",
        "expected": "logit_adjustment",
    },
}
RENAMED_FAMILIES = {"listener": "encoder"}


@dataclass(frozen=True)
class Training:
    """How a network is trained: AdamW, one epoch of warm-up to ``learning_rate``, then a cosine to
    zero.

    generator_rate: factor of the learning rate for the generators of structured layers.
    ema_momentum: of the averaged weights that are kept; 0 keeps the last weights.
    teacher: a .keras file, or the folder of a model with one; its probabilities are
    ``teacher_weight`` of each target, the label is the rest (Hinton et al. 2015).
    init_from: a .keras file or such a folder, with a network of the same form. The training begins
    with its weights, and with the nearest structured layers to its dense ones.
    encoder_epochs: of embedding distillation, before the words (``kws.training.encoder``).
    encoder_interpolation: share of the encoder before the words in the encoder that is kept
    (``kws.training.interpolation``).
    logit_adjustment: share of the log prior of a clip's origin, recorded or synthetic, that the
    scores are shifted by (``kws.training.logit_adjustment``); for words with few recordings.
    """

    epochs: Annotated[int, msgspec.Meta(ge=1)] = 30
    batch: Annotated[int, msgspec.Meta(ge=1)] = 128
    learning_rate: float = 1e-2
    generator_rate: float = 1.0
    label_smoothing: float = 0.05
    ema_momentum: float = 0.99
    teacher: str = ""
    teacher_weight: float = 0.5
    init_from: str = ""
    encoder_epochs: int = 0
    encoder_interpolation: float = 0.0
    logit_adjustment: float = 0.0
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

    @property
    def shape(self) -> tuple[int, int]:
        """Frames and bands of a clip's features."""
        return self.frames, self.frontend.bands


def load(path: Path | str) -> tuple[Recipe, str]:
    """The recipe at ``path`` (a .toml, or a folder with recipe.toml) and its text.

    Raises KwsError if it is missing, or as ``parse`` does.
    """
    path = Path(path)
    path = path / "recipe.toml" if path.is_dir() else path
    text = read_text(path, "recipe")
    try:
        return parse(text), text
    except KwsError as error:
        raise KwsError(f"{path}: {error}", 2) from error


def parse(text: str) -> Recipe:
    """The recipe that a TOML text describes. Raises KwsError naming what is wrong with it.

    A key of an earlier version is taken, and its new name is told on standard error.
    """
    tables = parse_toml(text)
    _rename(tables)
    recipe = convert(tables, Recipe, "the recipe")
    encodes = recipe.network.family == "encoder"
    if recipe.training.encoder_epochs and not encodes:
        raise KwsError("training: encoder_epochs needs a network of the family 'encoder'", 2)
    if recipe.training.encoder_interpolation and not recipe.training.encoder_epochs:
        raise KwsError("training: encoder_interpolation needs encoder_epochs, for example 8", 2)
    return recipe


def read_text(path: Path, what: str) -> str:
    """The text of a file, ``what`` for its reader. Raises KwsError if missing or not UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise KwsError(f"{path}: no such {what}", 2) from error
    except UnicodeDecodeError as error:
        raise KwsError(f"{path}: is not a text file in UTF-8", 2) from error


def parse_toml(text: str) -> dict:
    """The tables of a TOML text. Raises KwsError if it is none."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise KwsError(f"is not valid TOML: {error}", 2) from error


def convert(tables: dict, kind: type, where: str = ""):
    """Tables of TOML as ``kind``, a dataclass whose fields may be dataclasses too.

    Raises KwsError naming a key that is unknown or missing, or a value that does not fit; an error
    in ``tables`` itself begins with ``where``.
    """
    _check_keys(kind, tables, where)
    for f in dataclasses.fields(kind):
        if dataclasses.is_dataclass(f.type):
            table = tables.get(f.name, {})
            if not isinstance(table, dict):
                raise KwsError(f"{f.name} must be a table: write [{f.name}]", 2)
            _check_keys(f.type, table, f.name)
    try:
        return msgspec.convert(tables, kind)
    except msgspec.ValidationError as error:
        raise KwsError(_reason(str(error), where), 2) from error


def _rename(tables: dict) -> None:
    for name, keys in RENAMED.items():
        table = tables.get(name)
        for old, new in keys.items():
            if isinstance(table, dict) and old in table:
                note_once(f"[{name}] {old} is called {new} now")
                table.setdefault(new, table.pop(old))
    network = tables.get("network")
    family = network.get("family") if isinstance(network, dict) else None
    if family in RENAMED_FAMILIES:
        note_once(f"[network] family {family!r} is called {RENAMED_FAMILIES[family]!r} now")
        network["family"] = RENAMED_FAMILIES[family]


def _check_keys(kind: type, table: dict, where: str) -> None:
    known = [f.name for f in dataclasses.fields(kind)]
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}"
            raise KwsError(_join(where, f"unknown key {key!r}{hint}"), 2)


# What msgspec calls the kinds of values, and what TOML's users do.
_KINDS = {"int": "a whole number", "float": "a number", "str": "text", "array": "a list"}


def _reason(message: str, where: str) -> str:
    """msgspec's message, place first: "network: stack: expected a whole number, got text"."""
    reason, _, place = message.partition(" - at `$.")
    reason = reason[0].lower() + reason[1:]
    for kind, words in _KINDS.items():
        reason = reason.replace(f"`{kind}`", words)
    if missing := re.fullmatch(r"object missing required field `(\w+)`", reason):
        reason = f"{missing[1]!r} is missing"
    return _join(place.rstrip("`").replace(".", ": ") or where, reason)


def _join(where: str, reason: str) -> str:
    return f"{where}: {reason}" if where else reason

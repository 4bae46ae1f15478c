"""Which lowering a layer gets, and why: the measured costs of the target decide."""

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from kws.structured import ToeplitzLike
from kws.utils.errors import KwsError
from kws.utils.files import write_text
from kws.utils.provenance import provenance

Target = Literal["x86", "cortex-a53", "cortex-a76"]

# Dense must be faster by more than measurements scatter, since its file is so much larger.
MARGIN = 1.1


@dataclass(frozen=True)
class Choice:
    """What a structured layer becomes.

    n, rank: of the layer (rank None where it has none); vectors: how many pass it in one
    inference. saves, costs: bytes that custom would save, and what it would cost in the
    table's unit, in a layer that auto made dense.
    """

    layer: str
    n: int
    rank: int | None
    vectors: int
    lowering: str
    why: str
    saves: int = 0
    costs: float = 0.0


def fixed(layers: list, vectors: list[int], lowering: str) -> list[Choice]:
    """The same lowering for every layer that it is there for."""
    return [
        _plain(layer, count, lowering, "as asked")
        if isinstance(layer, ToeplitzLike)
        else _plain(layer, count, "dense", f"no op for {type(layer).__name__}")
        for layer, count in zip(layers, vectors, strict=True)
    ]


def choose(layers: list, vectors: list[int], target: str, quantize: str) -> list[Choice]:
    """The faster of custom and dense; builtin never is, where our op can be had."""
    rows, unit = load_costs(target)
    return [
        _chosen(layer, count, rows, unit, quantize)
        if isinstance(layer, ToeplitzLike)
        else _plain(layer, count, "dense", f"no op for {type(layer).__name__}")
        for layer, count in zip(layers, vectors, strict=True)
    ]


def smaller(choices: list[Choice], size: int, limit: int) -> list[Choice]:
    """One dense layer fewer: the one that saves most for what it costs.

    Raises KwsError if there is none left.
    """
    dense = [k for k, choice in enumerate(choices) if choice.saves > 0]
    if not dense:
        raise KwsError(
            f"the file needs {size:,} bytes, over the limit of {limit:,}; quantize it further or "
            "train with fewer channels or a lower rank",
            2,
        )
    best = max(dense, key=lambda k: choices[k].saves / max(choices[k].costs, 1e-9))
    taken = choices[best]
    why = f"{taken.why}, but over the limit of {limit:,} bytes"
    swapped = replace(taken, lowering="custom", why=why, saves=0, costs=0.0)
    return [*choices[:best], swapped, *choices[best + 1 :]]


def _chosen(layer, vectors: int, rows: list[dict], unit: str, quantize: str) -> Choice:
    row = min(rows, key=lambda row: _distance(row, layer.n, layer.rank, vectors))
    rival = "dense_int8" if quantize == "int8" and row.get("dense_int8") else "dense"
    custom, dense = row["custom"], row[rival]
    why = (
        f"custom {custom:.3g} {unit}, dense {dense:.3g} at n = {row['n']}, rank {row['rank']}, "
        f"batch {row['batch']}"
    )
    if custom <= MARGIN * dense:
        return _plain(layer, vectors, "custom", why)
    bytes_each = {"none": 4, "float16": 2}.get(quantize, 1)
    saves = bytes_each * (layer.inputs * layer.units - 2 * layer.rank * layer.n)
    choice = _plain(layer, vectors, "dense", why)
    return replace(choice, saves=saves, costs=custom - dense)


def _plain(layer, vectors: int, lowering: str, why: str) -> Choice:
    rank = getattr(layer, "rank", None)
    return Choice(layer.name, layer.n, rank, vectors, lowering, why)


def _distance(row: dict, n: int, rank: int, vectors: int) -> float:
    """Between a measurement and a layer, in doublings."""
    pairs = ((row["n"], n), (row["rank"], rank), (row["batch"], vectors))
    return sum(abs(math.log2(a / b)) for a, b in pairs)


COSTS = Path(__file__).with_name("costs.json")


def load_costs(target: str, path: Path = COSTS) -> tuple[list[dict], str]:
    """Rows ``{"n", "rank", "batch", "custom", "dense", "dense_int8"}`` and their unit.

    Raises KwsError if nothing was measured for the target.
    """
    tables = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if target not in tables:
        raise KwsError(
            f"no costs measured for {target}; run: kws bench ops --target {target} --save-costs"
        )
    return tables[target]["rows"], tables[target]["unit"]


def save_costs(rows: list[dict], target: str = "x86", unit: str = "µs", path: Path = COSTS) -> None:
    """Make ``rows`` of bench_ops the costs that ``--lowering auto`` goes by for a target.

    Rows counted otherwise have their figures under ``instructions`` and
    ``dense_f32_instructions`` in place of ``us`` and ``dense_f32_us``; int8 ones may be missing.
    """
    key = "us" if unit == "µs" else unit
    dense = "dense_{}_us" if unit == "µs" else f"dense_{{}}_{unit}"
    costs = [
        {
            **{name: row[name] for name in ("n", "rank", "batch")},
            "custom": row[key],
            "dense": row[dense.format("f32")],
            "dense_int8": row.get(dense.format("int8")),
        }
        for row in rows
    ]
    tables = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    tables[target] = {"unit": unit, "made_by": provenance(), "rows": costs}
    write_text(path, json.dumps(tables, indent=1, ensure_ascii=False) + "\n")

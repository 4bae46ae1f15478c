"""The measured costs that ``--lowering auto`` goes by: a table for each target."""

import json
from pathlib import Path

from kws.errors import KwsError
from kws.files import write_text
from kws.provenance import provenance

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

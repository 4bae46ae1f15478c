"""``kws bench ops`` on ARM: instructions of the structured product and of dense ones."""

import itertools
from pathlib import Path

from kws.benchmark.emulator import Emulator
from kws.benchmark.results import markdown_page, markdown_table, write_results
from kws.benchmark.synthetic_models import (
    BATCHES,
    QUICK_RANKS,
    QUICK_SIZES,
    RANKS,
    SIZES,
    dense,
    toeplitz_like,
)

METHOD = (
    "Instructions of one call of TFLite 2.17.1's interpreter (C API, aarch64) on a model of one "
    "layer, one thread, executed under qemu-aarch64 with the CPU named and counted by "
    "export/qemu/count_instructions.c between marks around the call, after a few calls that are "
    "not counted. Dense layers run on XNNPACK. An instruction is not a cycle: loads of a large "
    "matrix that miss the cache count like any other."
)


def bench_instructions(
    path_json: Path | str, cpu: str, emulator: Emulator, quick: bool = False
) -> dict:
    """Count KwsToeplitzLike and FULLY_CONNECTED, float32 and int8, n×n on a batch.

    Args:
        path_json: where the results go; a table goes beside it (.md).
        cpu: as QEMU names it.
        emulator: of ``kws.benchmark.emulator.prepare``.
        quick: few sizes, for a check that takes seconds.

    Returns what is written; its "rows" have a case each, and a ratio above 1 means fewer
    instructions than dense. Raises KwsError if a model cannot be run.
    """
    sizes, ranks = (QUICK_SIZES, QUICK_RANKS) if quick else (SIZES, RANKS)
    rows = []
    for n, batch in itertools.product(sizes, BATCHES):
        layers = [toeplitz_like(n, rank, batch) for rank in ranks]
        layers += [dense(n, batch), dense(n, batch, kind="int8")]
        *structured, float32, int8 = emulator.instructions(cpu, layers)
        for rank, own in zip(ranks, structured, strict=True):
            rows.append(
                {
                    "n": n,
                    "rank": rank,
                    "batch": batch,
                    "instructions": own,
                    "dense_f32_instructions": float32,
                    "dense_int8_instructions": int8,
                    "ratio_vs_dense_f32": float32 / own,
                    "ratio_vs_dense_int8": int8 / own,
                }
            )
        ratios = " ".join(f"{float32 / own:.2f}" for own in structured)
        print(f"{cpu} n {n:5} batch {batch:3}: dense {float32:12,}, ratios {ratios}")
    return write_results(path_json, {"target": cpu, "method": METHOD, "rows": rows}, page)


def page(result: dict) -> str:
    """The results as Markdown, a row per case."""
    columns = {
        "n": "{n}",
        "rank": "{rank}",
        "batch": "{batch}",
        "instructions": "{instructions:,}",
        "dense float32": "{dense_f32_instructions:,}",
        "dense int8": "{dense_int8_instructions:,}",
        "× float32": "{ratio_vs_dense_f32:.2f}",
        "× int8": "{ratio_vs_dense_int8:.2f}",
    }
    title = f"The op against dense on {result['target']}: instructions"
    return markdown_page(title, result, markdown_table(columns, result["rows"], texts=0))

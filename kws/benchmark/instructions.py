"""Instructions a layer takes on ARM, counted under QEMU: the same number every time.

QEMU's own speed says nothing about a processor, but its plug-in interface counts what the program
executes. ``-cpu`` decides which kernels XNNPACK picks. A call's instructions are the difference
between runs of few and of more calls, so loading and planning are not in them.
"""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from kws.benchmark import synthetic_models
from kws.benchmark.results import made_by, markdown_table, write_results
from kws.benchmark.toolchain import Aarch64
from kws.utils.errors import KwsError
from kws.utils.provenance import provenance

SIZES = (64, 100, 128, 256, 300, 512, 1024, 1674, 2048)
RANKS = (1, 2, 4, 8)
BATCHES = (1, 98)
QUICK_SIZES, QUICK_RANKS = (64, 256, 1024), (1, 4)
TARGETS = ("cortex-a53", "cortex-a76")
FEW, MORE = 2, 6

METHOD = (
    "Instructions of one call of TFLite 2.17.1's interpreter (C API, aarch64) on a model of one "
    "layer, one thread, executed under qemu-aarch64 with the CPU named and counted by "
    f"export/qemu/count_instructions.c: those of a run of {MORE} calls less those of a run of "
    f"{FEW}, divided by {MORE - FEW}. Dense layers run on XNNPACK. An instruction is not a cycle: "
    "loads of a large matrix that miss the cache count like any other."
)


def per_call(machine: Aarch64, cpu: str, model: Path) -> float:
    """Instructions of one call of a model; its input is an array of small numbers.

    Raises KwsError if it cannot be run.
    """

    def counted(calls: int) -> int:
        last = machine.invoke(cpu, model, calls, count=True).strip().rpartition("\n")[2]
        if not last.startswith("instructions: "):
            raise KwsError("this qemu-aarch64 loads no plug-ins; take Debian's qemu-user")
        return int(last.removeprefix("instructions: "))

    return (counted(MORE) - counted(FEW)) / (MORE - FEW)


def of_each(machine: Aarch64, cpu: str, models: Sequence[Path]) -> list[int]:
    """Instructions of one call of each model, by marks around a call after the first few.

    Quicker for many models than per_call. Raises KwsError if one cannot be run.
    """
    lines = machine.invoke(cpu, "count", *models, count=True).splitlines()
    marked = [int(line.split()[1]) for line in lines if line.startswith("marked: ")]
    if len(marked) != len(models):
        raise KwsError("this qemu-aarch64 loads no plug-ins; take Debian's qemu-user")
    return marked


def bench_instructions(
    path_json: Path | str,
    cpu: str,
    machine: Aarch64,
    sizes: tuple[int, ...] = SIZES,
    ranks: tuple[int, ...] = RANKS,
    batches: tuple[int, ...] = BATCHES,
    quick: bool = False,
    report: Callable[[str], None] = print,
) -> dict:
    """Count KwsToeplitzLike and FULLY_CONNECTED, float32 and int8, n×n on a batch.

    Args:
        path_json: where the results go; a table goes beside it (.md).
        cpu: one of TARGETS.
        machine: of ``kws.benchmark.toolchain.prepare``.
        quick: few sizes, for a check that takes seconds.
        report: gets a line for each size and batch.

    Returns what is written: ``{"made_by", "target", "method", "rows": [{"n", "rank", "batch",
    "instructions", "dense_f32_instructions", "dense_int8_instructions", "ratio_vs_dense_f32",
    "ratio_vs_dense_int8"}]}``; a ratio above 1 means fewer instructions than dense. Raises
    KwsError if a model cannot be run.
    """
    if quick:
        sizes, ranks = QUICK_SIZES, QUICK_RANKS
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.tflite"

        def layer(contents: bytes) -> float:
            model.write_bytes(contents)
            return per_call(machine, cpu, model)

        for n in sizes:
            for batch in batches:
                dense = layer(synthetic_models.dense(n, batch, 1))
                int8 = layer(synthetic_models.dense_int8(n, batch, 1))
                for rank in ranks:
                    own = layer(synthetic_models.structured(n, rank, batch, 1))
                    rows.append(
                        {
                            "n": n,
                            "rank": rank,
                            "batch": batch,
                            "instructions": own,
                            "dense_f32_instructions": dense,
                            "dense_int8_instructions": int8,
                            "ratio_vs_dense_f32": dense / own,
                            "ratio_vs_dense_int8": int8 / own,
                        }
                    )
                ratios = " ".join(f"{row['ratio_vs_dense_f32']:.2f}" for row in rows[-len(ranks) :])
                report(f"{cpu} n {n:5} batch {batch:3}: dense {dense:12.0f}, ratios {ratios}")
    result = {"made_by": provenance(), "target": cpu, "method": METHOD, "rows": rows}
    write_results(path_json, result, table)
    return result


def table(result: dict) -> str:
    """The results as Markdown, a row per case."""
    head = ["n", "rank", "batch", "instructions", "dense float32", "dense int8"]
    head += ["× float32", "× int8"]
    rows = [
        [
            *(str(row[key]) for key in ("n", "rank", "batch")),
            *(f"{row[f'{key}instructions']:,.0f}" for key in ("", "dense_f32_", "dense_int8_")),
            *(f"{row[f'ratio_vs_dense_{kind}']:.2f}" for kind in ("f32", "int8")),
        ]
        for row in result["rows"]
    ]
    title = f"# The op against dense on {result['target']}: instructions"
    return f"{title}\n\n{result['method']}\n\n{made_by(result)}\n\n{markdown_table(head, rows)}\n"

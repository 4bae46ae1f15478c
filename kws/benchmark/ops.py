"""``kws bench ops``: the structured product against LiteRT's dense ones, on this machine."""

import ctypes
import gc
import os
import statistics
import struct
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter, load_delegate

from kws.benchmark import synthetic_models
from kws.benchmark.results import made_by, markdown_table, write_results
from kws.benchmark.timing import interleaved, seconds
from kws.native import op_library
from kws.tflite.ops import TOEPLITZ_LIKE
from kws.utils.console import quiet_stderr
from kws.utils.errors import KwsError
from kws.utils.provenance import provenance

SIZES = (64, 100, 128, 256, 300, 512, 1024, 1674, 2048, 4096)
RANKS = (1, 2, 4, 8)
BATCHES = (1, 98)
QUICK_SIZES, QUICK_RANKS = (64, 256, 1024), (1, 4)

# A chain holds as many layers as leave room in a second-level cache, so that a small layer is
# not measured by what the interpreter takes to be called.
CACHE_BYTES, LONGEST_CHAIN = 512 << 10, 16

METHOD = (
    "One thread, one process. A model is a chain of equal layers, each with its own weights: as "
    f"many as fit {CACHE_BYTES >> 10} KiB, from 1 to {LONGEST_CHAIN}. A sample is so many calls "
    "of Interpreter.invoke() that it lasts a few milliseconds; samples of all models alternate. "
    "Times are CPU times of the one thread, which on an idle machine are those of the clock: "
    "medians, less the median for a model without operators, per layer; input and output are not "
    "copied. Speed-ups are ratios of these medians. Run-time bytes are the growth "
    "of resident memory by a loaded model of one layer, its file included."
)


def bench_ops(
    path_json: Path | str,
    sizes: tuple[int, ...] = SIZES,
    ranks: tuple[int, ...] = RANKS,
    batches: tuple[int, ...] = BATCHES,
    quick: bool = False,
    report: Callable[[str], None] = print,
) -> dict:
    """Time KwsToeplitzLike against FULLY_CONNECTED, float32 and int8, n×n on a batch.

    Args:
        path_json: where the results go; a table and a picture go beside it (.md and .png).
        quick: few sizes and samples, for a check that takes seconds.
        report: gets a line for each size and batch.

    Returns what is written: ``{"made_by", "method", "rows": [{"n", "rank", "batch", "us",
    "dense_f32_us", "dense_int8_us", "speedup_vs_dense_f32", "speedup_vs_dense_int8",
    "file_bytes", "dense_file_bytes", "dense_int8_file_bytes", "runtime_bytes",
    "dense_runtime_bytes"}]}``; a speed-up above 1 means faster than dense. Raises KwsError where
    the op library is not built.
    """
    if op_library() is None:
        raise KwsError("kws's op library is not built; install kws with pip (takes a C compiler)")
    if quick:
        sizes, ranks = QUICK_SIZES, QUICK_RANKS
    rounds = 9 if quick else 31
    rows = []
    for n in sizes:
        resident = {
            rank: _resident(synthetic_models.structured(n, rank, 1, 1), n) for rank in ranks
        }
        resident[0] = _resident(synthetic_models.dense(n, 1, 1), n)
        for batch in batches:
            times = _times(n, ranks, batch, rounds)
            rows += [_row(n, rank, batch, times, resident) for rank in ranks]
            speedups = " ".join(f"{row['speedup_vs_dense_f32']:.2f}" for row in rows[-len(ranks) :])
            report(f"n {n:5} batch {batch:3}: dense {times['f32']:9.2f} µs, speed-up {speedups}")
    result = {"made_by": provenance(), "method": METHOD, "rows": rows}
    write_results(path_json, result, table, picture)
    return result


def table(result: dict) -> str:
    """The results as Markdown: a row per size and rank, batches side by side."""
    batches = sorted({row["batch"] for row in result["rows"]})
    head = ["n", "rank"]
    for batch in batches:
        head += [f"µs, batch {batch}", "dense", "× float32", "× int8"]
    head += ["file bytes", "dense", "run-time bytes", "dense"]
    rows = []
    cases = {(row["n"], row["rank"], row["batch"]): row for row in result["rows"]}
    for n, rank in dict.fromkeys((row["n"], row["rank"]) for row in result["rows"]):
        cells = [f"{n}", f"{rank}"]
        for batch in batches:
            row = cases[n, rank, batch]
            cells += [
                f"{row['us']:.2f}",
                f"{row['dense_f32_us']:.2f}",
                f"{row['speedup_vs_dense_f32']:.2f}",
                f"{row['speedup_vs_dense_int8']:.2f}",
            ]
        sizes = ("file_bytes", "dense_file_bytes", "runtime_bytes", "dense_runtime_bytes")
        cells += [f"{row[key]:,}" for key in sizes]
        rows.append(cells)
    return (
        f"# The op against dense\n\n{result['method']}\n\n{made_by(result)}\n\n"
        f"{markdown_table(head, rows)}\n"
    )


def picture(result: dict, path: Path) -> None:
    """Speed-up against n, a line per rank, a panel per batch."""
    from matplotlib.figure import Figure

    batches = sorted({row["batch"] for row in result["rows"]})
    figure = Figure(figsize=(5.5 * len(batches), 4.2), layout="constrained")
    for axes, batch in zip(
        figure.subplots(1, len(batches), squeeze=False)[0], batches, strict=True
    ):
        for rank in sorted({row["rank"] for row in result["rows"]}):
            line = sorted(
                (row["n"], row["speedup_vs_dense_f32"])
                for row in result["rows"]
                if (row["rank"], row["batch"]) == (rank, batch)
            )
            axes.plot(*zip(*line, strict=True), marker="o", markersize=4, label=f"rank {rank}")
        axes.axhline(1, color="grey", linewidth=1)
        axes.set(xscale="log", yscale="log", xlabel="n", title=f"batch {batch}")
        axes.set_xscale("log", base=2)
        axes.grid(alpha=0.3)
    first = figure.axes[0]
    first.set_ylabel("times faster than dense float32")
    first.legend()
    figure.savefig(path, dpi=120)


def _row(n: int, rank: int, batch: int, times: dict, resident: dict[int, int]) -> dict:
    us = times[rank]
    return {
        "n": n,
        "rank": rank,
        "batch": batch,
        "us": us,
        "dense_f32_us": times["f32"],
        "dense_int8_us": times["int8"],
        "speedup_vs_dense_f32": times["f32"] / us,
        "speedup_vs_dense_int8": times["int8"] / us,
        "file_bytes": len(synthetic_models.structured(n, rank, batch, 1)),
        "dense_file_bytes": times["f32 bytes"],
        "dense_int8_file_bytes": times["int8 bytes"],
        "runtime_bytes": resident[rank],
        "dense_runtime_bytes": resident[0],
    }


def _times(n: int, ranks: tuple[int, ...], batch: int, rounds: int) -> dict:
    """Microseconds a layer of each rank takes, and of dense ``f32`` and ``int8`` ones."""
    # A small structured layer may be a matrix once it is loaded.
    matrix = 4 * n * n
    counts = {rank: _count(matrix if matrix <= CACHE_BYTES else 8 * rank * n) for rank in ranks}
    counts |= {"f32": _count(matrix), "int8": _count(n * n), "nothing": 1}
    models = {rank: synthetic_models.structured(n, rank, batch, counts[rank]) for rank in ranks}
    models["f32"] = synthetic_models.dense(n, batch, counts["f32"])
    models["int8"] = synthetic_models.dense_int8(n, batch, counts["int8"])
    models["nothing"] = synthetic_models.nothing(n, batch)
    loaded = {name: _load(data) for name, data in models.items()}
    for name in ("f32", "int8"):
        _require_xnnpack(loaded[name])
    calls = {name: _calls(interpreter.invoke) for name, interpreter in loaded.items()}
    gc.collect()
    gc.disable()
    try:
        samples = interleaved(
            {
                name: lambda invoke=interpreter.invoke, count=calls[name]: _of_a_call(invoke, count)
                for name, interpreter in loaded.items()
            },
            rounds,
        )
    finally:
        gc.enable()
    medians = {name: statistics.median(values) for name, values in samples.items()}
    times = {
        name: 1e6 * max(medians[name] - medians["nothing"], 1e-9) / counts[name] for name in counts
    }
    sizes = {f"{kind} bytes": _one_layer(models[kind], counts[kind]) for kind in ("f32", "int8")}
    return times | sizes


def _one_layer(model: bytes, count: int) -> int:
    return round(len(model) / count)


def _count(weight_bytes: int) -> int:
    return max(1, min(LONGEST_CHAIN, CACHE_BYTES // weight_bytes))


def _load(data: bytes) -> Interpreter:
    """An interpreter with an input of normal values, run once."""
    delegates = [load_delegate(str(op_library()))] if TOEPLITZ_LIKE.encode() in data else []
    with quiet_stderr():
        interpreter = Interpreter(
            model_content=data, experimental_delegates=delegates, num_threads=1
        )
        interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]
    values = np.random.default_rng(1).normal(size=source["shape"])
    if source["dtype"] == np.int8:
        values = np.clip(np.rint(values * 32), -128, 127)
    interpreter.set_tensor(source["index"], values.astype(source["dtype"]))
    interpreter.invoke()
    return interpreter


def _require_xnnpack(interpreter: Interpreter) -> None:
    if all(op["op_name"] != "DELEGATE" for op in interpreter._get_ops_details()):
        raise KwsError("this LiteRT runs dense layers without XNNPACK; that is no fair rival")


def _calls(invoke: Callable[[], None], least: float = 2e-3) -> int:
    """How many calls last ``least`` seconds."""
    calls = 1
    while (elapsed := calls * _of_a_call(invoke, calls)) < least / 2:
        calls *= 2
    return max(1, round(calls * least / elapsed))


def _of_a_call(invoke: Callable[[], None], calls: int) -> float:
    """Seconds of one call, from several."""

    def run() -> None:
        for _ in range(calls):
            invoke()

    return seconds(run, time.thread_time) / calls


def _resident(data: bytes, n: int) -> int:
    """Growth of resident memory by one more such model, in a process of its own."""
    copies = max(2, min(32, (256 << 20) // (16 * n * n)))
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        kept = [_load(bytes(bytearray(data)))]
        # Otherwise what the parent has freed is used again, unseen.
        ctypes.CDLL(None).malloc_trim(0)
        before = _resident_now()
        kept += [_load(bytes(bytearray(data))) for _ in range(copies)]
        os.write(writer, struct.pack("q", (_resident_now() - before) // copies))
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        contents = answer.read()
    os.waitpid(child, 0)
    if len(contents) != 8:
        raise KwsError(f"a dense layer of {n} does not fit into memory here")
    return struct.unpack("q", contents)[0]


def _resident_now() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")

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
from kws.benchmark.figures import ratio_panels
from kws.benchmark.results import markdown_page, markdown_table, write_results
from kws.benchmark.synthetic_models import dense, toeplitz_like
from kws.benchmark.timing import interleaved, seconds
from kws.native import op_library
from kws.tflite.ops import TOEPLITZ_LIKE
from kws.utils.console import quiet_stderr
from kws.utils.errors import KwsError

RANKS, BATCHES = synthetic_models.RANKS, synthetic_models.BATCHES
SIZES = (*synthetic_models.SIZES, 4096)
QUICK_SIZES, QUICK_RANKS = synthetic_models.QUICK_SIZES, synthetic_models.QUICK_RANKS
ROUNDS, QUICK_ROUNDS = 31, 9

# A chain has as many layers as fit a second-level cache beside other things. With one small layer,
# most of the time would be the call of the interpreter.
CACHE_BYTES, LONGEST_CHAIN = 512 << 10, 16
SAMPLE_SECONDS = 2e-3

METHOD = (
    "One thread, one process. A model is a chain of equal layers, each with its own weights: as "
    f"many as fit {CACHE_BYTES >> 10} KiB, from 1 to {LONGEST_CHAIN}. A sample is so many calls "
    "of Interpreter.invoke() that it lasts a few milliseconds; samples of all models alternate. "
    "Times are CPU times of the one thread, which on an idle machine are those of the clock: "
    "medians, less the median for a model without operators, per layer; input and output are not "
    "copied. Speed-ups are ratios of these medians. Bytes are those of models of one layer; "
    "run-time bytes are the growth of resident memory by a loaded one, its file included."
)


def bench_ops(path_json: Path | str, quick: bool = False) -> dict:
    """Time KwsToeplitzLike against FULLY_CONNECTED, float32 and int8, n×n on a batch.

    Args:
        path_json: where the results go; a table and a picture go beside it (.md and .png).
        quick: few sizes and samples, for a check that takes seconds.

    Returns what is written; its "rows" have a case each, with microseconds, and a speed-up above 1
    means faster than dense. Raises KwsError where the op library is not built.
    """
    if op_library() is None:
        raise KwsError("kws's op library is not built; install kws with pip (takes a C compiler)")
    sizes, ranks = (QUICK_SIZES, QUICK_RANKS) if quick else (SIZES, RANKS)
    rows = []
    for n in sizes:
        layers: dict[str | int, bytes] = {rank: toeplitz_like(n, rank, 1) for rank in ranks}
        layers |= {"f32": dense(n, 1), "int8": dense(n, 1, kind="int8")}
        file_bytes = {name: len(model) for name, model in layers.items()}
        del layers["int8"]
        resident = {name: _resident_bytes(model, n) for name, model in layers.items()}
        for batch in BATCHES:
            us = _times(n, ranks, batch, QUICK_ROUNDS if quick else ROUNDS)
            rows += [
                {
                    "n": n,
                    "rank": rank,
                    "batch": batch,
                    "us": us[rank],
                    "dense_f32_us": us["f32"],
                    "dense_int8_us": us["int8"],
                    "speedup_vs_dense_f32": us["f32"] / us[rank],
                    "speedup_vs_dense_int8": us["int8"] / us[rank],
                    "file_bytes": file_bytes[rank],
                    "dense_file_bytes": file_bytes["f32"],
                    "dense_int8_file_bytes": file_bytes["int8"],
                    "runtime_bytes": resident[rank],
                    "dense_runtime_bytes": resident["f32"],
                }
                for rank in ranks
            ]
            speedups = " ".join(f"{us['f32'] / us[rank]:.2f}" for rank in ranks)
            print(f"n {n:5} batch {batch:3}: dense {us['f32']:9.2f} µs, speed-up {speedups}")
    picture = ratio_panels(rows, "speedup_vs_dense_f32", "times faster than dense float32")
    return write_results(path_json, {"method": METHOD, "rows": rows}, page, picture)


def page(result: dict) -> str:
    """The results as Markdown: a row per size and rank, batches side by side."""
    times = {
        "µs": "us",
        "dense µs": "dense_f32_us",
        "× float32": "speedup_vs_dense_f32",
        "× int8": "speedup_vs_dense_int8",
    }
    sizes = {
        "file bytes": "{file_bytes:,}",
        "dense file bytes": "{dense_file_bytes:,}",
        "run-time bytes": "{runtime_bytes:,}",
        "dense run-time bytes": "{dense_runtime_bytes:,}",
    }
    columns = {"n": "{n}", "rank": "{rank}"}
    cases: dict[tuple[int, int], dict] = {}
    for row in result["rows"]:
        batch = row["batch"]
        for title, key in times.items():
            columns[f"{title}, batch {batch}"] = f"{{batch_{batch}[{key}]:.2f}}"
        cases.setdefault((row["n"], row["rank"]), {}).update(row, **{f"batch_{batch}": row})
    table = markdown_table(columns | sizes, cases.values(), texts=0)
    return markdown_page("The op against dense", result, table)


def _times(n: int, ranks: tuple[int, ...], batch: int, rounds: int) -> dict:
    """Microseconds that a layer takes: by rank, and of dense ``f32`` and ``int8`` ones."""
    # A small structured layer may be a matrix once it is loaded.
    matrix = 4 * n * n
    counts = {rank: _count(matrix if matrix <= CACHE_BYTES else 8 * rank * n) for rank in ranks}
    counts |= {"f32": _count(matrix), "int8": _count(n * n)}
    models = {rank: toeplitz_like(n, rank, batch, counts[rank]) for rank in ranks}
    models["f32"] = dense(n, batch, counts["f32"])
    models["int8"] = dense(n, batch, counts["int8"], "int8")
    loaded = {name: _load(model) for name, model in models.items()}
    _require_xnnpack(loaded["f32"])
    _require_xnnpack(loaded["int8"])
    loaded["none"] = _load(synthetic_models.no_operator(n, batch))
    gc.collect()
    gc.disable()
    try:
        samples = interleaved(
            {name: _sample(interpreter.invoke) for name, interpreter in loaded.items()}, rounds
        )
    finally:
        gc.enable()
    medians = {name: statistics.median(values) for name, values in samples.items()}
    return {
        name: 1e6 * max(medians[name] - medians["none"], 1e-9) / count
        for name, count in counts.items()
    }


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
        raise KwsError("this LiteRT runs dense layers without XNNPACK; the comparison is not fair")


def _sample(invoke: Callable[[], None]) -> Callable[[], float]:
    """A function that gives the seconds of one call, from as many as last SAMPLE_SECONDS."""

    def taken(calls: int) -> float:
        def run() -> None:
            for _ in range(calls):
                invoke()

        return seconds(run, time.thread_time)

    calls = 1
    while (elapsed := taken(calls)) < SAMPLE_SECONDS / 2:
        calls *= 2
    calls = max(1, round(calls * SAMPLE_SECONDS / elapsed))
    return lambda: taken(calls) / calls


def _resident_bytes(data: bytes, n: int) -> int:
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

"""`kws bench layers`: structured layers against Dense, forward and forward+backward."""

import ctypes
import gc
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from kws import structured
from kws.benchmark.results import write_results
from kws.utils.provenance import provenance

SIZES = (256, 512, 1024, 2048, 4096, 8192)
RANKS = (1, 2, 4, 8)
BATCHES = (1, 10, 100)
_LANDMARKS = (256, 1024, 4096)
_BOTH_FORMS = 1024  # up to this size also the form that the rule decides against

# The largest n for layers whose work or memory grows like that of Dense or faster.
_LIMITS = {
    "VandermondeLike": 2048,
    "CauchyLike": 4096,
    "Hashed": 2048,
    "RandomEdges": 2048,
}


def bench_layers(
    path_json: Path | str,
    sizes: tuple[int, ...] = SIZES,
    ranks: tuple[int, ...] = RANKS,
    batches: tuple[int, ...] = BATCHES,
    quick: bool = False,
    full: bool = False,
    report: Callable[[str], None] = print,
) -> dict:
    """Time every layer of ``kws.structured`` against ``keras.layers.Dense``.

    Both are compiled (XLA on TensorFlow and JAX) for a square n×n layer on ``batch`` vectors:
    the forward pass, and forward and backward with gradients of input and weights. Calls of the
    two alternate. Times are the processor's, of all threads of this process: on a machine that
    does other things, too, those of the clock say more about these. A ratio is one of medians.
    ``kws bench layers`` keeps to one core.

    Args:
        path_json: where the results go; a table and a picture go beside it (.md and .png).
        quick: few sizes, ToeplitzLike only, for a check that takes seconds.
        full: every layer at every size and batch; otherwise the other layers than
            ToeplitzLike are measured at three sizes and the largest batch, and where size and
            batch are smallest.
        report: gets one line for each size, rank, batch and layer.

    Returns what is written: ``{"made_by", "backend", "rows": [{"layer", "n", "rank", "batch",
    "form", "chosen", "forward_us", "forward_dense_us", "forward_ratio", "train_us",
    "train_dense_us", "train_ratio", "peak_mib", "dense_peak_mib"}]}``; a ratio above 1 means
    faster than Dense, the peak is that of the first training step, its compilation included, and
    ``chosen`` is false where the layer was made to take the other form than it would.
    """
    if quick:
        sizes, ranks, batches = (256, 1024), (1, 4), (10,)
    rows = []
    for n in sizes:
        for batch in batches:
            reference = _Compiled(keras.layers.Dense(n), n, batch)
            landmark = n in _LANDMARKS and batch == max(batches)
            smallest = n == min(sizes) and batch == min(batches)
            others = full or (not quick and (landmark or smallest))
            cases = [(name, rank, True) for name, rank in _cases(n, ranks, others)]
            if n <= _BOTH_FORMS and batch == max(batches) and not quick:
                # Low rank as a matrix: what any r generators cost before there is a structure.
                cases += [(name, r, False) for name in ("ToeplitzLike", "LowRank") for r in ranks]
            for name, rank, chosen in cases:
                row = _compare(reference, name, n, rank, batch, chosen)
                rows.append(row)
                report(
                    f"n {n:5d}  batch {batch:3d}  {name} {rank or '':1}: {_form(row)}, "
                    f"forward {row['forward_ratio']:.2f}×, train {row['train_ratio']:.2f}×"
                )
            del reference
            gc.collect()
    results = {"made_by": provenance(), "backend": _backend(), "rows": rows}
    write_results(path_json, results, _table, _draw)
    return results


def _cases(n: int, ranks, others: bool):
    ranked, plain = ["ToeplitzLike"], []
    if others:
        ranked += ["HankelLike", "ToeplitzHankelLike", "LearnedShiftLike", "LowRank"]
        ranked += ["VandermondeLike", "CauchyLike"]
        plain = ["Toeplitz", "Circulant", "SkewCirculant", "Fastfood", "Hashed", "RandomEdges"]
    for name in ranked:
        if n <= _LIMITS.get(name, n):
            for rank in ranks if name == "ToeplitzLike" else ranks[::2]:
                yield name, rank
    for name in plain:
        if n <= _LIMITS.get(name, n):
            yield name, None


def _compare(
    reference: "_Compiled", name: str, n: int, rank: int | None, batch: int, chosen: bool
) -> dict:
    arguments = {"rank": rank} if rank else {}
    if name in ("Hashed", "RandomEdges"):
        arguments["buckets" if name == "Hashed" else "edges"] = 2 * n
    layer = getattr(structured, name)(n, **arguments)
    layer.build((batch, n))
    fast = layer.use_fast_product(batch) == chosen
    layer.use_fast_product = lambda batch: fast
    compiled = _Compiled(layer, n, batch)
    row = {"layer": name, "n": n, "rank": rank, "batch": batch}
    row |= {"form": "fast" if fast else "matrix", "chosen": chosen}
    for key in ("forward", "train"):
        own, dense = _medians(getattr(compiled, key), getattr(reference, key))
        row[f"{key}_us"], row[f"{key}_dense_us"] = round(own * 1e6, 1), round(dense * 1e6, 1)
        row[f"{key}_ratio"] = round(dense / own, 3)
    row["peak_mib"], row["dense_peak_mib"] = compiled.peak_mib, reference.peak_mib
    return row


def _medians(first: Callable, second: Callable, seconds: float = 0.3) -> tuple[float, float]:
    first(), second()
    times = ([], [])
    start = time.perf_counter()
    while len(times[0]) < 5 or (time.perf_counter() - start < seconds and len(times[0]) < 200):
        for function, taken in zip((first, second), times, strict=True):
            before = time.process_time()
            function()
            taken.append(time.process_time() - before)
    return statistics.median(times[0]), statistics.median(times[1])


class _Compiled:
    """The compiled forward pass and training step of one layer, both without arguments."""

    def __init__(self, layer: keras.Layer, n: int, batch: int):
        rng = np.random.default_rng(0)
        x, gradient = (rng.normal(size=(batch, n)).astype("float32") for _ in range(2))
        if not layer.built:
            layer.build(x.shape)
        make = {"tensorflow": _tensorflow_steps, "jax": _jax_steps}[keras.backend.backend()]
        self.forward, self.train = make(layer, x, gradient)
        # The first call: later ones live in memory that the allocator kept.
        self.peak_mib = _peak_mib(self.train)


def _tensorflow_steps(layer, x, gradient):
    import tensorflow as tf

    x, gradient = tf.constant(x), tf.constant(gradient)
    weights = [v.value for v in layer.trainable_variables]

    @tf.function(jit_compile=True)
    def forward(x):
        return layer(x)

    @tf.function(jit_compile=True)
    def train(x, gradient):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
        return y, tape.gradient(y, [x, *weights], gradient)  # else XLA leaves the forward pass out

    return lambda: forward(x).numpy(), lambda: train(x, gradient)[0].numpy()


def _jax_steps(layer, x, gradient):
    import jax

    weights = [v.value for v in layer.trainable_variables]
    x, gradient = jax.numpy.asarray(x), jax.numpy.asarray(gradient)

    @jax.jit
    def forward(weights, x):
        return layer.stateless_call(weights, [], x)[0]

    @jax.jit
    def train(weights, x, gradient):
        y, backward = jax.vjp(forward, weights, x)
        return y, backward(gradient)  # else XLA leaves the forward pass out

    return (
        lambda: forward(weights, x).block_until_ready(),
        lambda: jax.block_until_ready(train(weights, x, gradient)),
    )


def _peak_mib(function: Callable) -> float | None:
    """By how much a call raises the resident memory at its peak (Linux; else None)."""
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if not reset.exists():
        return None

    def field(name: str) -> float:
        line = next(line for line in status.read_text().splitlines() if line.startswith(name))
        return int(line.split()[1]) / 1024

    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what was freed before must not hide what is taken now
    reset.write_text("5")  # the peak so far becomes what is resident now
    before = field("VmRSS")
    function()
    return round(field("VmHWM") - before, 1)


def _backend() -> str:
    name = keras.backend.backend()
    return f"{name} {__import__(name).__version__}, XLA"


def _table(results: dict) -> str:
    lines = [
        "# Structured layers against Dense",
        "",
        f"{results['made_by']['machine']}; {results['backend']}, one core. Times Dense's "
        "speed, above 1 is faster; made by `kws bench layers`. A form in brackets is not what the "
        "layer chooses.",
        "",
        "| layer | rank | n | batch | form | forward | forward+backward | ms | peak MiB (Dense) |",
        "|---|--:|--:|--:|---|--:|--:|--:|--:|",
    ]
    for row in results["rows"]:
        lines.append(
            f"| {row['layer']} | {row['rank'] or ''} | {row['n']} | {row['batch']} "
            f"| {_form(row)} | {row['forward_ratio']:.2f}× | {row['train_ratio']:.2f}× "
            f"| {row['train_us'] / 1000:.2f} | {row['peak_mib']} ({row['dense_peak_mib']}) |"
        )
    return "\n".join(lines) + "\n"


def _form(row: dict) -> str:
    return row["form"] if row["chosen"] else f"({row['form']})"


def _draw(results: dict, path: Path) -> None:
    from matplotlib.figure import Figure

    rows = [row for row in results["rows"] if row["layer"] == "ToeplitzLike" and row["chosen"]]
    batches = sorted({row["batch"] for row in rows})
    figure = Figure(figsize=(4 * len(batches), 3.6), layout="constrained")
    panels = figure.subplots(1, len(batches), sharey=True, squeeze=False)[0]
    for axes, batch in zip(panels, batches, strict=True):
        for rank in sorted({row["rank"] for row in rows}):
            chosen = [r for r in rows if (r["batch"], r["rank"]) == (batch, rank)]
            sizes = [r["n"] for r in chosen]
            axes.plot(sizes, [r["train_ratio"] for r in chosen], "o-", label=f"rank {rank}")
        axes.axhline(1, color="black", linewidth=0.8)
        axes.set(xscale="log", yscale="log", xlabel="n", title=f"batch {batch}")
        axes.set_xticks(sizes, [str(n) for n in sizes])
        axes.minorticks_off()
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("ToeplitzLike, forward+backward:\ntimes the speed of Dense")
    panels[0].legend()
    figure.savefig(path, dpi=90)

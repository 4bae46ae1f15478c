"""``kws bench layers``: structured layers against Dense, forward and forward+backward."""

import ctypes
import gc
import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np

from kws import structured
from kws.benchmark.figures import ratio_panels
from kws.benchmark.results import markdown_page, markdown_table, write_results
from kws.benchmark.timing import interleaved, seconds

SIZES = (256, 512, 1024, 2048, 4096, 8192)
RANKS = (1, 2, 4, 8)
BATCHES = (1, 10, 100)
QUICK_SIZES, QUICK_RANKS, QUICK_BATCHES = (256, 1024), (1, 4), (10,)
_LANDMARKS = (256, 1024, 4096)  # sizes at which every layer is measured
_BOTH_FORMS = 1024  # up to this size also the form that the layer does not choose

_RANKED = ("HankelLike", "ToeplitzHankelLike", "LearnedShiftLike", "LowRank")
_RANKED += ("VandermondeLike", "CauchyLike")
_UNRANKED = ("Toeplitz", "Circulant", "SkewCirculant", "Fastfood", "Hashed", "RandomEdges")

# The largest n for layers whose work or memory grows as fast as that of Dense, or faster.
_LIMITS = {
    "VandermondeLike": 2048,
    "CauchyLike": 4096,
    "Hashed": 2048,
    "RandomEdges": 2048,
}

_SAMPLING_SECONDS, _FEWEST, _MOST = 0.3, 5, 200

METHOD = (
    "Square n×n layers on a batch of vectors, compiled (XLA on TensorFlow and JAX): the forward "
    "pass, and forward and backward with gradients of input and weights. Calls of a layer and of "
    "Dense alternate. Times are CPU times of all threads of the process, and ratios are those of "
    "medians: times Dense's speed, above 1 is faster. A form in brackets is not what the layer "
    "chooses. The peak of memory is that of the first training step, its compilation included."
)


def bench_layers(path_json: Path | str, quick: bool = False, full: bool = False) -> dict:
    """Time every layer of ``kws.structured`` against ``keras.layers.Dense``.

    ``kws bench layers`` keeps to one core.

    Args:
        path_json: where the results go; a table and a picture go beside it (.md and .png).
        quick: few sizes, ToeplitzLike only, for a check that takes seconds.
        full: every layer at every size and batch; otherwise the other layers than
            ToeplitzLike are measured at three sizes and the largest batch, and where size and
            batch are smallest.

    Returns what is written; its "rows" have a case each, with microseconds, and with "chosen" false
    where the layer was made to take the other form than it would.
    """
    sizes, ranks, batches = SIZES, RANKS, BATCHES
    if quick:
        sizes, ranks, batches = QUICK_SIZES, QUICK_RANKS, QUICK_BATCHES
    rows = []
    for n, batch in itertools.product(sizes, batches):
        dense = _Compiled(keras.layers.Dense(n), n, batch)
        landmark = n in _LANDMARKS and batch == max(batches)
        smallest = n == min(sizes) and batch == min(batches)
        others = full or (not quick and (landmark or smallest))
        cases = [(name, rank, True) for name, rank in _cases(n, ranks, others)]
        if n <= _BOTH_FORMS and batch == max(batches) and not quick:
            # LowRank as a matrix shows what r generators cost before there is any structure.
            cases += [(name, r, False) for name in ("ToeplitzLike", "LowRank") for r in ranks]
        for name, rank, chosen in cases:
            row = {"layer": name, "n": n, "rank": rank, "batch": batch}
            row |= _compare(_layer(name, n, rank), chosen, dense)
            rows.append(row)
            print(
                f"n {n:5d}  batch {batch:3d}  {name} {rank or '':1}: {_form(row)}, "
                f"forward {row['forward_ratio']:.2f}×, train {row['train_ratio']:.2f}×"
            )
        del dense
        gc.collect()
    contents = {"method": METHOD, "backend": _backend(), "rows": rows}
    shown = [row for row in rows if row["layer"] == "ToeplitzLike" and row["chosen"]]
    label = "ToeplitzLike, forward+backward:\ntimes the speed of Dense"
    return write_results(path_json, contents, page, ratio_panels(shown, "train_ratio", label))


def page(result: dict) -> str:
    """The results as Markdown, a row per case."""
    columns = {
        "layer": "{layer}",
        "rank": lambda row: str(row["rank"] or ""),
        "n": "{n}",
        "batch": "{batch}",
        "form": _form,
        "forward": "{forward_ratio:.2f}×",
        "forward+backward": "{train_ratio:.2f}×",
        "ms": lambda row: f"{row['train_us'] / 1000:.2f}",
        "peak MiB (Dense)": "{peak_mib} ({dense_peak_mib})",
    }
    table = markdown_table(columns, result["rows"])
    return markdown_page("Structured layers against Dense", result, f"{result['backend']}.", table)


def _form(row: dict) -> str:
    return row["form"] if row["chosen"] else f"({row['form']})"


def _cases(n: int, ranks: tuple[int, ...], others: bool) -> Iterator[tuple[str, int | None]]:
    """Layers, each with its rank or None; besides ToeplitzLike only if others are wanted."""
    yield from itertools.product(["ToeplitzLike"], ranks)
    for names, some_ranks in ((_RANKED, ranks[::2]), (_UNRANKED, [None])):
        fitting = [name for name in names if n <= _LIMITS.get(name, n)]
        yield from itertools.product(fitting if others else (), some_ranks)


def _layer(name: str, n: int, rank: int | None) -> keras.Layer:
    arguments = {"rank": rank} if rank else {}
    if name in ("Hashed", "RandomEdges"):
        arguments["buckets" if name == "Hashed" else "edges"] = 2 * n
    return getattr(structured, name)(n, **arguments)


def _compare(layer, chosen: bool, dense: "_Compiled") -> dict:
    """A row's figures of a layer in the form that it chooses, or in the other."""
    batch, n = dense.shape
    layer.build(dense.shape)
    fast = layer.use_fast_product(batch) == chosen
    layer.use_fast_product = lambda batch: fast
    compiled = _Compiled(layer, n, batch)
    row = {"form": "fast" if fast else "matrix", "chosen": chosen}
    for key in ("forward", "train"):
        own_us, dense_us = _medians_us(getattr(compiled, key), getattr(dense, key))
        row[f"{key}_us"], row[f"{key}_dense_us"] = round(own_us, 1), round(dense_us, 1)
        row[f"{key}_ratio"] = round(dense_us / own_us, 3)
    row["peak_mib"], row["dense_peak_mib"] = compiled.peak_mib, dense.peak_mib
    return row


def _medians_us(*functions: Callable[[], object]) -> list[float]:
    for function in functions:
        function()  # the first call compiles
    once = sum(seconds(function, time.perf_counter) for function in functions)
    rounds = min(_MOST, max(_FEWEST, round(_SAMPLING_SECONDS / once)))
    samples = interleaved(
        {number: lambda f=function: seconds(f) for number, function in enumerate(functions)},
        rounds,
    )
    return [1e6 * statistics.median(taken) for taken in samples.values()]


class _Compiled:
    """The compiled forward pass and training step of one layer, both without arguments."""

    def __init__(self, layer: keras.Layer, n: int, batch: int):
        self.shape = (batch, n)
        rng = np.random.default_rng(0)
        x, gradient = (rng.normal(size=self.shape).astype("float32") for _ in range(2))
        if not layer.built:
            layer.build(self.shape)
        make = {"tensorflow": _tensorflow_steps, "jax": _jax_steps}[keras.backend.backend()]
        self.forward, self.train = make(layer, x, gradient)
        # The first call: later ones use memory that the allocator kept.
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

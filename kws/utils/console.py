"""How far long work is, on one line of a terminal; silent where there is none."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator, Sequence


class Progress:
    """Called with (done, total), it shows both and an estimate of the time left."""

    def __init__(self, what: str):
        self._what = what
        self._began = time.monotonic()
        self._shown = 0.0

    def __enter__(self) -> "Progress":
        return self

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if not sys.stderr.isatty() or (now - self._shown < 0.2 and done < total):
            return
        self._shown = now
        left = (now - self._began) * (total - done) / max(done, 1)
        line = f"{done:,} of {total:,} {self._what}, {left:.0f} s left"
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)

    def __exit__(self, *_) -> None:
        if self._shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


class EpochLines:
    """Called with (epoch, loss), it prints a line with an estimate of the time left."""

    def __init__(self, epochs: int):
        self._epochs, self._began, self._told = epochs, time.monotonic(), 0

    def __call__(self, epoch: int, loss: float) -> None:
        self._told += 1  # fewer than ``epoch`` in a training that goes on
        left = (time.monotonic() - self._began) / self._told * (self._epochs - epoch)
        print(
            f"  epoch {epoch:2}/{self._epochs}  loss {loss:.3f}  {left / 60:.1f} min left",
            file=sys.stderr,
            flush=True,
        )


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Turn the process's standard error away for the time being.

    TensorFlow's and LiteRT's C++ write to the file descriptor directly; their errors come as
    exceptions anyway.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def load_keras() -> None:
    """Import Keras and start its back end without their greetings."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with quiet_stderr():
        import keras

        keras.ops.zeros(1)


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows as aligned text; the first column to the left, numbers to the right."""
    cells = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[k]) for row in cells) for k in range(len(header))]

    def line(row: Sequence[str]) -> str:
        first = row[0].ljust(widths[0])
        return "  ".join([first, *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))])

    return "\n".join([line(cells[0]), "  ".join("─" * w for w in widths), *map(line, cells[1:])])


def note(text: str) -> None:
    """Tell a person something on standard error that is no error."""
    print(f"kws: {text}", file=sys.stderr, flush=True)

"""What a person sees in a terminal: progress, notes, tables; and TensorFlow kept quiet.

Progress and notes go to standard error, so that results on standard output can be piped.
"""

import contextlib
import functools
import os
import sys
import time
from collections.abc import Iterator, Sequence

_CLEAR = "\r\033[K"  # back to the start of the line, and erase it


class Progress:
    """One line about long work, rewritten in place; silent where there is no terminal.

    ``with Progress("clips") as progress: progress(done, total)`` shows both numbers and an
    estimate of the seconds left. The line disappears at the end.
    """

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
        print(f"{_CLEAR}{line}", end="", file=sys.stderr, flush=True)

    def __exit__(self, *_) -> None:
        if self._shown:
            print(_CLEAR, end="", file=sys.stderr, flush=True)


def note(text: str) -> None:
    """Print a line on standard error that is no error."""
    clear = _CLEAR if sys.stderr.isatty() else ""  # of a progress line
    print(f"{clear}kws: {text}", file=sys.stderr, flush=True)


@functools.cache
def note_once(text: str) -> None:
    """``note``, once a process for the same text."""
    note(text)


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows as aligned text: the first column to the left, the others to the right."""
    cells = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[k]) for row in cells) for k in range(len(header))]

    def line(row: Sequence[str]) -> str:
        first = row[0].ljust(widths[0])
        return "  ".join([first, *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))])

    return "\n".join([line(cells[0]), "  ".join("─" * w for w in widths), *map(line, cells[1:])])


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Discard what the process writes to standard error in the block.

    TensorFlow's and LiteRT's C++ code logs to the file descriptor itself. Their errors still
    come as exceptions.
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
    """Import Keras and start TensorFlow without the messages that they print at the start."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with quiet_stderr():
        import keras

        keras.ops.zeros(1)

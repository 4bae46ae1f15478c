"""How far long work is, on one line of a terminal; silent where there is none."""

import sys
import time


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


class EpochsTold:
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

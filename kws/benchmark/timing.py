"""Times that can be compared: all that is measured takes turns, so that conditions are shared."""

import statistics
import time
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

Name = TypeVar("Name", bound=Hashable)


def interleaved(
    measure: Mapping[Name, Callable[[], float]], rounds: int
) -> dict[Name, list[float]]:
    """One sample of each, in turn, ``rounds`` times. ``measure`` returns what it took."""
    samples: dict[Name, list[float]] = {name: [] for name in measure}
    for _ in range(rounds):
        for name, taken in measure.items():
            samples[name].append(taken())
    return samples


def seconds(run: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """How long a call takes on a clock: that of the process, of the thread, or of the wall."""
    start = clock()
    run()
    return clock() - start


def median_and_quartiles(samples: list[float]) -> tuple[float, list[float]]:
    """The median, and the lower and the upper quartile."""
    low, median, high = statistics.quantiles(samples, n=4)
    return median, [low, high]

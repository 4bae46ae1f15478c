"""Times that can be compared: everything that is measured takes turns under the same conditions."""

import statistics
import time
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

Name = TypeVar("Name", bound=Hashable)


def interleaved(
    measure: Mapping[Name, Callable[[], float]], rounds: int
) -> dict[Name, list[float]]:
    """``rounds`` samples of each, taken in turn; a function in ``measure`` returns one sample."""
    samples: dict[Name, list[float]] = {name: [] for name in measure}
    for _ in range(rounds):
        for name, sample in measure.items():
            samples[name].append(sample())
    return samples


def seconds(run: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """How long a call takes by a clock: of the process, of the thread, or on the wall."""
    start = clock()
    run()
    return clock() - start


def median_and_quartiles(samples: list[float]) -> tuple[float, list[float]]:
    """The median, and the lower and the upper quartile."""
    low, median, high = statistics.quantiles(samples, n=4)
    return median, [low, high]

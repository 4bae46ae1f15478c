"""The posteriors of a system at every step of a stream, kept to decide on later."""

import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace

import numpy as np

from kws import audio
from kws.evaluation.streams import Segment
from kws.evaluation.systems import System, open_system
from kws.utils.errors import KwsError


@dataclass(frozen=True)
class Posteriors:
    """Posteriors ``scores`` (steps, labels) at ``times`` (steps,) in seconds, and the recordings.

    seconds: length of the streams, pauses included. cpu_seconds: what the system took for them.
    """

    times: np.ndarray
    scores: np.ndarray
    segments: list[Segment]
    seconds: float
    cpu_seconds: float

    @property
    def hours(self) -> float:
        """Hours of recordings, without the pauses."""
        return sum(segment.end - segment.start for segment in self.segments) / 3600


def stream_posteriors(system: System, stream) -> Posteriors:
    """Feed one stream (of ``kws.evaluation.streams``) to a system."""
    fed, segments, steps = system.stream(), [], []
    samples, cpu = 0, 0.0
    for chunk in stream.chunks(segments):
        began = time.process_time()
        steps.append(fed.feed(chunk))
        cpu += time.process_time() - began
        samples += len(chunk)
    times, scores = (np.concatenate(parts) for parts in zip(*steps, strict=True))
    return Posteriors(times, scores, segments, samples / audio.RATE, cpu)


def all_posteriors(
    name: str,
    streams: Sequence,
    processes: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Posteriors]:
    """Feed each stream to a system of its own, in parallel; the results in the streams' order.

    name: as for ``open_system``. processes: one a core by default. Raises KwsError if a recording
    cannot be read or a process is killed.
    """
    processes = min(processes or os.cpu_count() or 1, len(streams))
    if processes <= 1:
        system, results = open_system(name), []
        for stream in streams:
            results.append(stream_posteriors(system, stream))
            progress(len(results), len(streams))
        return results
    # One thread each: NumPy's own threads cost more than they save on frames this small.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, _open, (name,)) as pool:
        waiting = {pool.submit(_posteriors, stream): k for k, stream in enumerate(streams)}
        results = [None] * len(streams)
        try:
            for done, future in enumerate(as_completed(waiting), 1):
                results[waiting[future]] = future.result()
                progress(done, len(streams))
        except BrokenProcessPool as error:
            raise KwsError(
                "a process was killed; if memory is short, give --processes 1"
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return results


def concatenate(parts: Sequence[Posteriors], gap: float = 10.0) -> Posteriors:
    """Several streams as one, one after another, ``gap`` seconds apart."""
    at, times, segments = 0.0, [], []
    for part in parts:
        times.append(part.times + at)
        segments += [
            replace(
                segment,
                start=segment.start + at,
                end=segment.end + at,
                word_end=None if segment.word_end is None else segment.word_end + at,
            )
            for segment in part.segments
        ]
        at += part.seconds + gap
    return Posteriors(
        np.concatenate(times),
        np.concatenate([part.scores for part in parts]),
        segments,
        sum(part.seconds for part in parts),
        sum(part.cpu_seconds for part in parts),
    )


# Of a process of the pool: its system, opened once.
_system: System | None = None


def _open(name: str) -> None:
    global _system
    _system = open_system(name)


def _posteriors(stream) -> Posteriors:
    return stream_posteriors(_system, stream)

"""Tapes played to a system: its posteriors at every look, kept to decide on later."""

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
    """Posteriors (looks, labels) at ``times`` (looks,) in seconds, and the recordings heard.

    ``seconds`` is the length of the tapes with the pauses on them, ``cpu_seconds`` what the
    system took for them.
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


def stream_posteriors(system: System, tape) -> Posteriors:
    """Play one tape (see ``kws.scoring.tapes``) as one stream."""
    stream, segments, looks = system.stream(), [], []
    samples, cpu = 0, 0.0
    for chunk in tape.play(segments):
        began = time.process_time()
        looks.append(stream.feed(chunk))
        cpu += time.process_time() - began
        samples += len(chunk)
    times = np.concatenate([times for times, _ in looks])
    scores = np.concatenate([scores for _, scores in looks])
    return Posteriors(times, scores, segments, samples / audio.RATE, cpu)


def all_posteriors(
    name: str,
    tapes: Sequence,
    processes: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Posteriors]:
    """Play every tape to a system of its own, in parallel; in the tapes' order.

    name: as for ``open_system``. processes: as many as there are cores by default.
    """
    processes = min(processes or os.cpu_count() or 1, len(tapes))
    if processes <= 1:
        system, results = open_system(name), []
        for tape in tapes:
            results.append(stream_posteriors(system, tape))
            progress(len(results), len(tapes))
        return results
    # One thread each: what NumPy's own threads gain on frames this small they lose in waiting.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, _open, (name,)) as pool:
        waiting = {pool.submit(_stream_posteriors, tape): k for k, tape in enumerate(tapes)}
        results = [None] * len(tapes)
        try:
            for done, future in enumerate(as_completed(waiting), 1):
                results[waiting[future]] = future.result()
                progress(done, len(tapes))
        except BrokenProcessPool as error:
            raise KwsError(
                "a process was killed; if memory is short, give --processes 1"
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return results


def concatenate(heard: Sequence[Posteriors], gap: float = 10.0) -> Posteriors:
    """Several streams as one, one after another, ``gap`` seconds apart."""
    at, times, segments = 0.0, [], []
    for one in heard:
        times.append(one.times + at)
        segments += [
            replace(
                segment,
                start=segment.start + at,
                end=segment.end + at,
                word_end=None if segment.word_end is None else segment.word_end + at,
            )
            for segment in one.segments
        ]
        at += one.seconds + gap
    return Posteriors(
        np.concatenate(times),
        np.concatenate([one.scores for one in heard]),
        segments,
        sum(one.seconds for one in heard),
        sum(one.cpu_seconds for one in heard),
    )


_system: System | None = None


def _open(name: str) -> None:
    global _system
    _system = open_system(name)


def _stream_posteriors(tape) -> Posteriors:
    return stream_posteriors(_system, tape)

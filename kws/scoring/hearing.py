"""Tapes played to a listener: its posteriors at every look, kept to decide on later."""

import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace

import numpy as np

from kws import audio
from kws.errors import KwsError
from kws.scoring.listeners import Listener, open_listener
from kws.scoring.tapes import Place


@dataclass(frozen=True)
class Heard:
    """Posteriors (looks, labels) at ``times`` (looks,) in seconds, and the recordings heard.

    ``seconds`` is the length of the tapes with the pauses on them, ``cpu_seconds`` what the
    listener took for them.
    """

    times: np.ndarray
    scores: np.ndarray
    places: list[Place]
    seconds: float
    cpu_seconds: float

    @property
    def hours(self) -> float:
        """Hours of recordings, without the pauses."""
        return sum(place.end - place.start for place in self.places) / 3600


def hear(listener: Listener, tape) -> Heard:
    """Play one tape (see ``kws.scoring.tapes``) as one stream."""
    stream, places, looks = listener.stream(), [], []
    samples, cpu = 0, 0.0
    for chunk in tape.play(places):
        began = time.process_time()
        looks.append(stream.feed(chunk))
        cpu += time.process_time() - began
        samples += len(chunk)
    times = np.concatenate([times for times, _ in looks])
    scores = np.concatenate([scores for _, scores in looks])
    return Heard(times, scores, places, samples / audio.RATE, cpu)


def hear_all(
    name: str,
    tapes: Sequence,
    processes: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Heard]:
    """Play every tape to a listener of its own, in parallel; in the tapes' order.

    name: as for ``open_listener``. processes: as many as there are cores by default.
    """
    processes = min(processes or os.cpu_count() or 1, len(tapes))
    if processes <= 1:
        listener, results = open_listener(name), []
        for tape in tapes:
            results.append(hear(listener, tape))
            progress(len(results), len(tapes))
        return results
    # One thread each: what NumPy's own threads gain on frames this small they lose in waiting.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, _open, (name,)) as pool:
        waiting = {pool.submit(_hear, tape): k for k, tape in enumerate(tapes)}
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


def splice(heard: Sequence[Heard], gap: float = 10.0) -> Heard:
    """Several streams as one, one after another, ``gap`` seconds apart."""
    at, times, places = 0.0, [], []
    for one in heard:
        times.append(one.times + at)
        places += [
            replace(
                place,
                start=place.start + at,
                end=place.end + at,
                word_end=None if place.word_end is None else place.word_end + at,
            )
            for place in one.places
        ]
        at += one.seconds + gap
    return Heard(
        np.concatenate(times),
        np.concatenate([one.scores for one in heard]),
        places,
        sum(one.seconds for one in heard),
        sum(one.cpu_seconds for one in heard),
    )


_listener: Listener | None = None


def _open(name: str) -> None:
    global _listener
    _listener = open_listener(name)


def _hear(tape) -> Heard:
    return hear(_listener, tape)

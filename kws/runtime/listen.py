"""Detections as they come, and on a terminal a live line with the level and the best scores."""

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict

import numpy as np

from kws import audio
from kws.runtime.detector import Detector

# A quiet room still has noise: a source without any for so long is muted or not connected.
DEAD_SECONDS = 5.0


def listen(detector: Detector, source: Iterable[np.ndarray], as_json: bool = False) -> None:
    """Feed the detector from ``source`` until it ends; print detections as they come.

    On a terminal a line below shows the level in dB and the three best scores. If the source gives
    equal samples for five seconds, as a muted microphone does, a warning is printed.
    """
    live = sys.stderr.isatty()
    try:
        for chunk in _watched(source):
            _print(detector.feed(chunk), as_json, live)
            if live:
                line = f"{_meter(chunk)}  {_best(detector)}"
                print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
        _print(detector.finish(), as_json, live)
    finally:
        if live:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def _watched(source: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """The chunks that are not empty; warns where all samples are equal for too long."""
    dead, limit = 0, DEAD_SECONDS * audio.RATE
    for chunk in source:
        if not len(chunk):
            continue
        flat = chunk.min() == chunk.max()
        if flat and dead < limit <= dead + len(chunk):
            print(
                f"kws: nothing but silence for {DEAD_SECONDS:.0f} seconds; is the microphone "
                "muted, or is it another one (--device)?",
                file=sys.stderr,
            )
        dead = dead + len(chunk) if flat else 0
        yield chunk


def _print(detections, as_json: bool, live: bool) -> None:
    for detection in detections:
        if live:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
        print(json.dumps(asdict(detection)) if as_json else detection, flush=True)


def _meter(chunk: np.ndarray) -> str:
    level = 20 * np.log10(np.sqrt(np.mean(np.square(chunk))) + 1e-6)
    filled = int(np.clip((level + 60) / 3, 0, 20))
    return f"{'█' * filled:<20} {level:4.0f} dB"


def _best(detector: Detector) -> str:
    best = np.argsort(detector.scores)[::-1][:3]
    return "  ".join(f"{detector.labels[k]} {detector.scores[k]:.2f}" for k in best)

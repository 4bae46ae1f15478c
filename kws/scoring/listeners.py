"""What can be scored: anything that hears a stream and gives posteriors over time."""

from pathlib import Path
from typing import Protocol

import numpy as np

from kws.corpus.clips import SILENCE, UNKNOWN
from kws.detector import REFRACTORY_MS, SMOOTHING_MS, Detector
from kws.runtime import Model


class Stream(Protocol):
    """One stream of audio."""

    def feed(self, chunk: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Take float32 (samples,) at 16 kHz; return the looks they complete.

        Returns times (looks,) in seconds from the start of the stream and posteriors
        (looks, labels), not smoothed.
        """
        ...


class Listener(Protocol):
    """A model with its way to decide.

    ``name`` for tables; ``file``, its own name if it is one; ``file_bytes``, of all it needs;
    ``labels``, one a posterior; ``keywords``, those of them that are reported;
    ``smoothing_ms``, ``refractory_ms`` and ``thresholds`` (a keyword's, where one was fitted), as
    its own detector has them; ``reports``: "peak" if a keyword is reported when its score has
    passed its peak, "crossing" if as soon as the score passes the threshold.
    """

    name: str
    file: str | None
    file_bytes: int
    labels: list[str]
    keywords: list[str]
    smoothing_ms: float
    refractory_ms: float
    thresholds: dict[str, float]
    reports: str

    def stream(self) -> Stream: ...


class ModelFile:
    """A .tflite of kws, heard through ``kws.detector.Detector``."""

    reports = "peak"

    def __init__(self, path: Path | str):
        self._model = Model(path)
        decision = self._model.metadata.get("decision", {})
        self.name = f"{Path(path).absolute().parent.name}/{Path(path).stem}"
        self.file = Path(path).name
        self.file_bytes = Path(path).stat().st_size
        self.labels = list(self._model.labels)
        self.keywords = [label for label in self.labels if label not in (UNKNOWN, SILENCE)]
        self.smoothing_ms = float(decision.get("smoothing_ms", SMOOTHING_MS))
        self.refractory_ms = float(decision.get("refractory_ms", REFRACTORY_MS))
        self.thresholds = dict(decision.get("thresholds", {}))

    def stream(self) -> Stream:
        return _DetectorStream(self._model)


class _DetectorStream:
    def __init__(self, model: Model):
        self._detector = Detector(model, smoothing_ms=0, trace=True)

    def feed(self, chunk: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self._detector.feed(chunk)
        looks = self._detector.trace
        times = np.array([time for time, _ in looks])
        scores = np.array([scores for _, scores in looks], np.float32)
        looks.clear()
        return times, scores.reshape(len(times), -1)


def open_listener(name: str) -> Listener:
    """A .tflite of kws by its path, or a peer's model as ``microwakeword:NAME`` or
    ``openwakeword:NAME``. Raises KwsError if there is none of that name."""
    program, _, word = name.partition(":")
    if program in ("microwakeword", "openwakeword"):
        from kws import peers

        return peers.MicroWakeWord(word) if program == "microwakeword" else peers.OpenWakeWord(word)
    return ModelFile(name)

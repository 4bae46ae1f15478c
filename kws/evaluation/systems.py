"""What can be scored: anything that hears a stream and gives posteriors over time."""

import importlib
from pathlib import Path
from typing import Protocol

import numpy as np

from kws import audio
from kws.labels import SILENCE, UNKNOWN
from kws.runtime.decision import REFRACTORY_MS, SMOOTHING_MS
from kws.runtime.detector import Detector
from kws.runtime.model import Model
from kws.utils.errors import KwsError


class PosteriorStream(Protocol):
    """One stream of audio."""

    def feed(self, chunk: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Take float32 (samples,) at 16 kHz; return the looks they complete.

        Returns times (looks,) in seconds from the start of the stream and posteriors
        (looks, labels), not smoothed.
        """
        ...


class System(Protocol):
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

    def stream(self) -> PosteriorStream: ...


class KwsSystem:
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

    def stream(self) -> PosteriorStream:
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


def open_system(name: str) -> System:
    """A .tflite of kws by its path, or a peer's model as ``microwakeword:NAME`` or
    ``openwakeword:NAME``. Raises KwsError if there is none of that name."""
    program, _, word = name.partition(":")
    if program in ("microwakeword", "openwakeword"):
        from kws.evaluation.systems import MicroWakeWord, OpenWakeWord

        return MicroWakeWord(word) if program == "microwakeword" else OpenWakeWord(word)
    return KwsSystem(name)


class _Peer:
    """What both have in common: one keyword, fixed pieces of 16-bit samples, own smoothing."""

    smoothing_ms = 0.0
    refractory_ms = 750.0
    reports = "crossing"
    file = None
    package = ""
    piece = 0  # samples that are processed at a time

    def __init__(self, word: str):
        try:
            self._module = importlib.import_module(self.package)
        except ImportError as error:
            raise KwsError('peers are an extra: pip install "kws[peers]"') from error
        known = [model.value for model in self._module.Model]
        if word not in known:
            raise KwsError(f"{self.package} has no model {word!r}; it has {', '.join(known)}", 2)
        self._model = self._module.Model(word)
        self._folder = Path(self._module.__file__).parent / "models"
        self.labels = [word]
        self.keywords = [word]
        self.thresholds: dict[str, float] = {}

    def stream(self) -> "_PeerStream":
        return _PeerStream(self)

    def step(self, samples: bytes) -> list[float]:
        """The posteriors that ``piece`` samples complete."""
        raise NotImplementedError


class MicroWakeWord(_Peer):
    """A bundled microWakeWord; its posterior is the mean of its last five, as it decides on."""

    package, piece = "pymicro_wakeword", 160

    def __init__(self, word: str):
        super().__init__(word)
        self.name = f"microWakeWord {word}"
        self.file_bytes = (self._folder / f"{word}.tflite").stat().st_size
        self._network = self._module.MicroWakeWord.from_builtin(self._model)
        self._features = self._module.MicroWakeWordFeatures()
        self._count = 0

    def step(self, samples: bytes) -> list[float]:
        found = []
        for features in self._features.process_streaming(samples):
            probability = self._network.process_streaming_prob(features)
            self._count += 1
            # Between two inferences the network repeats a zero.
            if self._count % self._network.stride == 0:
                found.append(probability)
        return found


class OpenWakeWord(_Peer):
    """A bundled openWakeWord with the two networks before it."""

    package, piece = "pyopen_wakeword", 1280

    def __init__(self, word: str):
        super().__init__(word)
        self.name = f"openWakeWord {word}"
        files = ["melspectrogram", "embedding_model", word]
        self.file_bytes = sum((self._folder / f"{f}.tflite").stat().st_size for f in files)
        self._network = self._module.OpenWakeWord.from_builtin(self._model)
        self._features = self._module.OpenWakeWordFeatures.from_builtin()
        self.step(bytes(2 * self.piece))  # the eight seconds of silence it starts with

    def step(self, samples: bytes) -> list[float]:
        return [
            probability
            for embedding in self._features.process_streaming(samples)
            for probability in self._network.process_streaming(embedding)
        ]


class _PeerStream:
    def __init__(self, peer: _Peer):
        self._peer = peer
        self._pending = np.zeros(0, np.int16)
        self._samples = 0

    def feed(self, chunk: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Looks that the chunk completes; see ``kws.scoring.listeners.Stream``."""
        whole = audio.to_int16(chunk)
        pending, piece = np.concatenate([self._pending, whole]), self._peer.piece
        times, scores = [], []
        for at in range(0, len(pending) - piece + 1, piece):
            self._samples += piece
            for score in self._peer.step(pending[at : at + piece].tobytes()):
                times.append(self._samples / audio.RATE)
                scores.append(score)
        self._pending = pending[len(pending) // piece * piece :]
        return np.array(times), np.array(scores, np.float32).reshape(-1, 1)

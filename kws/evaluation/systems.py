"""Systems that can be scored: our models and the peers', each with posteriors over time.

Peers are the models that the packages pymicro-wakeword (microWakeWord) and pyopen-wakeword
(openWakeWord) contain. A peer keeps its state from one stream to the next, as on a device. Each
stream to score begins with a pause that fills its window.
"""

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
    """One stream of audio through a system."""

    def feed(self, chunk: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Take samples float32 (samples,) at 16 kHz, any number; return the steps they complete.

        Returns times (steps,) in seconds from the start of the stream, and posteriors float32
        (steps, labels), not smoothed. Both are empty where the chunk completes no step.
        """
        ...


class System(Protocol):
    """A model with its way to decide.

    name: for tables. file: its own file's name, if it is one file. file_bytes: of all its files.
    labels: one a posterior. keywords: the labels that are reported. smoothing_ms, refractory_ms,
    thresholds (of the keywords for which one was fitted): those of its own detector. reports:
    "peak" if a keyword is reported after the peak of its score, "crossing" if it is reported as
    soon as the score passes the threshold.
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


def open_system(name: str) -> System:
    """A .tflite of kws by its path, or a peer's model as ``microwakeword:NAME`` or
    ``openwakeword:NAME``. Raises KwsError if there is none of that name."""
    peer, _, word = name.partition(":")
    return PEERS[peer](word) if peer in PEERS else KwsSystem(name)


class KwsSystem:
    """A .tflite of kws, streamed through ``kws.runtime.Detector``."""

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
        self._none = np.zeros((0, len(model.labels)), np.float32)

    def feed(self, chunk: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self._detector.feed(chunk)
        steps = self._detector.trace
        times = np.array([time for time, _ in steps])
        scores = np.stack([scores for _, scores in steps]) if steps else self._none
        steps.clear()
        return times, scores


class Peer:
    """Another project's wake word: one keyword, fixed pieces of 16-bit samples, own smoothing.

    title: the project. package, distribution: to import, and to install. piece: samples that are
    processed at a time. step_ms: audio between two inferences of its last network.
    """

    title: str
    package: str
    distribution: str
    piece: int
    step_ms: float
    smoothing_ms = 0.0
    refractory_ms = 750.0
    reports = "crossing"
    file = None

    def __init__(self, word: str):
        self._module = self._imported()
        known = [model.value for model in self._module.Model]
        if word not in known:
            raise KwsError(f"{self.package} has no model {word!r}; it has {', '.join(known)}", 2)
        self._model = self._module.Model(word)
        self.name = f"{self.title} {word}"
        self.file_bytes = sum(path.stat().st_size for path in self.files(word))
        self.labels = [word]
        self.keywords = [word]
        self.thresholds: dict[str, float] = {}

    @classmethod
    def _imported(cls):
        try:
            return importlib.import_module(cls.package)
        except ImportError as error:
            raise KwsError('peers are an extra: pip install "kws[peers]"') from error

    @classmethod
    def folder(cls) -> Path:
        """Where its package keeps the models. Raises KwsError if it is not installed."""
        return Path(cls._imported().__file__).parent / "models"

    @classmethod
    def model_file(cls, word: str) -> Path:
        """The network of a word."""
        return cls.folder() / f"{word}.tflite"

    @classmethod
    def files(cls, word: str) -> list[Path]:
        """All networks that a word needs."""
        return [cls.model_file(word)]

    def stream(self) -> PosteriorStream:
        return _PeerStream(self)

    def step(self, samples: bytes) -> list[float]:
        """The posteriors that ``piece`` 16-bit samples complete."""
        raise NotImplementedError


class MicroWakeWord(Peer):
    """A bundled microWakeWord. Its posterior is the mean of its last five, which it decides on."""

    title, package, distribution = "microWakeWord", "pymicro_wakeword", "pymicro-wakeword"
    piece, step_ms = 160, 30.0

    def __init__(self, word: str):
        super().__init__(word)
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


class OpenWakeWord(Peer):
    """A bundled openWakeWord with the two networks before it."""

    title, package, distribution = "openWakeWord", "pyopen_wakeword", "pyopen-wakeword"
    piece, step_ms = 1280, 80.0

    def __init__(self, word: str):
        super().__init__(word)
        self._network = self._module.OpenWakeWord.from_builtin(self._model)
        self._features = self._module.OpenWakeWordFeatures.from_builtin()
        self.step(bytes(2 * self.piece))  # the eight seconds of silence it starts with

    @classmethod
    def files(cls, word: str) -> list[Path]:
        return [cls.model_file(name) for name in ("melspectrogram", "embedding_model", word)]

    def step(self, samples: bytes) -> list[float]:
        return [
            probability
            for embedding in self._features.process_streaming(samples)
            for probability in self._network.process_streaming(embedding)
        ]


PEERS = {"microwakeword": MicroWakeWord, "openwakeword": OpenWakeWord}


class _PeerStream:
    def __init__(self, peer: Peer):
        self._peer = peer
        self._pending = np.zeros(0, np.int16)
        self._samples = 0

    def feed(self, chunk: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        pending = np.concatenate([self._pending, audio.to_int16(chunk)])
        piece = self._peer.piece
        times, scores = [], []
        for at in range(0, len(pending) - piece + 1, piece):
            self._samples += piece
            for score in self._peer.step(pending[at : at + piece].tobytes()):
                times.append(self._samples / audio.RATE)
                scores.append(score)
        self._pending = pending[len(pending) // piece * piece :]
        return np.array(times), np.array(scores, np.float32).reshape(-1, 1)

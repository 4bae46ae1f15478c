"""Other projects' wake words, heard as ours are: posteriors over time.

pymicro-wakeword (microWakeWord) and pyopen-wakeword (openWakeWord) bring their models with them.
Their streams go on for as long as the process runs, as they do on a device; what is scored begins
with a pause long enough to fill their windows.
"""

import importlib
from pathlib import Path

import numpy as np

from kws import audio
from kws.errors import KwsError


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
        whole = np.clip(np.rint(np.asarray(chunk) * 32767), -32768, 32767).astype(np.int16)
        pending, piece = np.concatenate([self._pending, whole]), self._peer.piece
        times, scores = [], []
        for at in range(0, len(pending) - piece + 1, piece):
            self._samples += piece
            for score in self._peer.step(pending[at : at + piece].tobytes()):
                times.append(self._samples / audio.RATE)
                scores.append(score)
        self._pending = pending[len(pending) // piece * piece :]
        return np.array(times), np.array(scores, np.float32).reshape(-1, 1)

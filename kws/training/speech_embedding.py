"""Google's speech embedding as openWakeWord packs it: what a second of speech sounds like.

A network that heard very much real speech (Lin et al. 2020, "Training keyword spotters with
limited and synthesized speech data"; Apache-2.0). A small head on it, taught with synthetic
speech, carries over to people far better than a network that starts from nothing. The files lie
in the package pyopen-wakeword; of it only the two general networks are used, no wake word's.
"""

import importlib.util
from pathlib import Path

import numpy as np

from kws.utils.errors import KwsError

SIZE = 96
COMPONENTS = 96  # of impressions
STEP = 8  # frames of 10 ms from one embedding to the next
_FRAMES, _BANDS = 76, 32  # of one embedding, and of its spectrogram
_BATCH = 64


class SpeechEmbedding:
    """Waveforms to embeddings: one of 775 ms of sound every 80 ms, 96 numbers each."""

    def __init__(self):
        from ai_edge_litert.interpreter import Interpreter

        found = importlib.util.find_spec("pyopen_wakeword")
        if found is None:
            raise KwsError("the speech embedding needs a package: pip install 'kws[synthesis]'")
        folder = Path(found.origin).parent / "models"
        self._mel = Interpreter(str(folder / "melspectrogram.tflite"), num_threads=1)
        self._network = Interpreter(str(folder / "embedding_model.tflite"), num_threads=2)
        _resize(self._network, (_BATCH, _FRAMES, _BANDS, 1))
        self._samples = 0

    def __call__(self, clips: np.ndarray) -> np.ndarray:
        """Embeddings float32 (clips, steps, 96) of clips float32 (clips, samples) at 16 kHz."""
        count, samples = clips.shape
        if samples != self._samples:
            _resize(self._mel, (1, samples))
            self._samples = samples
        mels = np.concatenate([_run(self._mel, clip[None] * 32767)[0] for clip in clips])
        mels = mels / 10 + 2
        starts = range(0, mels.shape[1] - _FRAMES + 1, STEP)
        windows = np.stack([mels[:, at : at + _FRAMES] for at in starts], axis=1)
        windows = windows.reshape(-1, _FRAMES, _BANDS, 1)
        made = np.empty((len(windows), SIZE), np.float32)
        for at in range(0, len(windows), _BATCH):
            part = windows[at : at + _BATCH]
            filled = np.zeros((_BATCH, *windows.shape[1:]), np.float32)
            filled[: len(part)] = part
            made[at : at + _BATCH] = _run(self._network, filled).reshape(_BATCH, SIZE)[: len(part)]
        return made.reshape(count, len(starts), SIZE)


class PcaTargets:
    """The leading principal components of speech embeddings, as targets of a small network."""

    def __init__(self, embeddings: np.ndarray, components: int = COMPONENTS):
        """Fit to ``embeddings`` (examples, steps, 96)."""
        flat = embeddings[:8000].reshape(min(8000, len(embeddings)), -1).astype(np.float32)
        self._mean, self._scale = flat.mean(axis=0), flat.std(axis=0) + 1e-3
        flat = (flat - self._mean) / self._scale
        variances, directions = np.linalg.eigh(flat.T @ flat / len(flat))
        variances, directions = variances[::-1][:components], directions[:, ::-1][:, :components]
        # The first twenty count alike, later ones by what they explain.
        least = max(variances[min(20, components - 1)], 1e-6)
        weights = 1 / np.sqrt(np.maximum(variances, least))
        self._directions = (directions * weights).astype(np.float32)

    def __call__(self, embeddings: np.ndarray) -> np.ndarray:
        """(examples, steps, 96) -> float32 (examples, components)."""
        flat = embeddings.reshape(len(embeddings), len(self._mean)).astype(np.float32)
        return (flat - self._mean) / self._scale @ self._directions


def _resize(interpreter, shape: tuple[int, ...]) -> None:
    interpreter.resize_tensor_input(interpreter.get_input_details()[0]["index"], shape)
    interpreter.allocate_tensors()


def _run(interpreter, values: np.ndarray) -> np.ndarray:
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values.astype(np.float32))
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])

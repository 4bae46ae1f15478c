"""Google's speech embedding: 96 numbers for 0.8 s of speech, every 80 ms.

It was trained on very much real speech (Lin et al. 2020, "Training keyword spotters with limited
and synthesized speech data"; Apache-2.0). A small head on it that is trained on synthetic speech
carries over to people far better than a network that is trained from nothing. Its two networks,
spectrogram and embedding, lie in the package pyopen-wakeword.
"""

import importlib.util
from pathlib import Path

import numpy as np

from kws.utils.errors import KwsError

SIZE = 96  # numbers of an embedding
COMPONENTS = 96  # principal components that are targets
STEP = 8  # frames of 10 ms from one embedding to the next
_FRAMES, _BANDS = 76, 32  # of the spectrogram that one embedding is computed from
_BATCH = 64
_PCA_EXAMPLES = 8000


class SpeechEmbedding:
    """Waveforms to embeddings. Raises KwsError if pyopen-wakeword is missing."""

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
        """Embeddings float32 (clips, steps, 96) of clips float32 (clips, samples) at 16 kHz.

        The first is of the first 775 ms; each later one begins 80 ms after the one before.
        """
        count, samples = clips.shape
        if samples != self._samples:
            _resize(self._mel, (1, samples))
            self._samples = samples
        # The first network takes samples in the range of int16, the second its output scaled.
        mels = np.concatenate([_run(self._mel, clip[None] * 32768)[0] for clip in clips])
        mels = mels / 10 + 2
        starts = range(0, mels.shape[1] - _FRAMES + 1, STEP)
        windows = np.stack([mels[:, at : at + _FRAMES] for at in starts], axis=1)
        windows = windows.reshape(-1, _FRAMES, _BANDS, 1)
        embeddings = np.empty((len(windows), SIZE), np.float32)
        for at in range(0, len(windows), _BATCH):
            part = windows[at : at + _BATCH]
            padded = np.zeros((_BATCH, *windows.shape[1:]), np.float32)
            padded[: len(part)] = part
            outputs = _run(self._network, padded).reshape(_BATCH, SIZE)
            embeddings[at : at + _BATCH] = outputs[: len(part)]
        return embeddings.reshape(count, len(starts), SIZE)


class PcaTargets:
    """The leading principal components of speech embeddings, as targets of a small network."""

    def __init__(self, embeddings: np.ndarray):
        """Fit to at most 8,000 embeddings: (examples, steps, 96)."""
        flat = embeddings[:_PCA_EXAMPLES].astype(np.float32)
        flat = flat.reshape(len(flat), -1)
        self._mean, self._scale = flat.mean(axis=0), flat.std(axis=0) + 1e-3
        flat = (flat - self._mean) / self._scale
        variances, directions = np.linalg.eigh(flat.T @ flat / len(flat))
        variances = variances[::-1][:COMPONENTS]
        directions = directions[:, ::-1][:, :COMPONENTS]
        # The first twenty have the same weight, the later ones less, by what they explain.
        weights = 1 / np.sqrt(np.maximum(variances, max(variances[20], 1e-6)))
        self._directions = (directions * weights).astype(np.float32)

    def __call__(self, embeddings: np.ndarray) -> np.ndarray:
        """Embeddings (examples, steps, 96) to components float32 (examples, 96)."""
        flat = embeddings.reshape(len(embeddings), len(self._mean)).astype(np.float32)
        return (flat - self._mean) / self._scale @ self._directions


def _resize(interpreter, shape: tuple[int, ...]) -> None:
    interpreter.resize_tensor_input(interpreter.get_input_details()[0]["index"], shape)
    interpreter.allocate_tensors()


def _run(interpreter, values: np.ndarray) -> np.ndarray:
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values.astype(np.float32))
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])

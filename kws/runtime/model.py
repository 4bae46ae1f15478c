"""A model file in an interpreter, with the project's ops where it needs them."""

import ctypes
from pathlib import Path

import numpy as np

from kws.frontend.log_mel import FrontEnd
from kws.native import op_library
from kws.tflite.metadata import read_model
from kws.tflite.ops import OP_VERSIONS
from kws.utils.console import quiet_stderr
from kws.utils.errors import KwsError


class Model:
    """A model file, ready to call.

    Attributes: ``path``; ``metadata`` as in the file; ``labels``, one per score; ``frontend``,
    the FrontEnd that makes the features it wants; ``frames`` and ``bands``, the shape of its
    window; ``step``, the frames that a streaming file takes at a time, None for a file that takes
    whole windows; ``samples``, the length of the clips it was trained on.

    Not to be used by two threads at the same time; give each a Model of its own.

    Args:
        path: a .tflite that kws exported.
        threads: for the interpreter's own kernels.

    Raises KwsError if the file is missing, damaged or foreign, or needs an op library that is
    not there or too old.
    """

    def __init__(self, path: Path | str, threads: int = 1):
        self.path = Path(path)
        data, self.metadata = read_model(path)
        self.labels: list[str] = self.metadata.get("labels", [])
        self.frontend = FrontEnd.from_dict(self.metadata.get("frontend", {}))
        with quiet_stderr():
            self._interpreter = _interpreter(data, self.metadata["ops"], str(path), threads)
        self._features, *self._before = _arrays(
            self._interpreter, self._interpreter.get_input_details()
        )
        self._scores, *self._after = _arrays(
            self._interpreter, self._interpreter.get_output_details()
        )
        if self._features.ndim != 3 or len(self._features) != 1 or self._scores.ndim != 2:
            raise KwsError(f"{path} does not take features of shape (1, frames, bands)")
        taken, self.bands = self._features.shape[1:]
        streams = self.metadata.get("stream")
        self.step: int | None = taken if streams else None
        self.frames: int = self.metadata["frames"] if streams else taken
        states = [[state.shape for state in states] for states in (self._before, self._after)]
        if states[0] != states[1] or bool(states[0]) != bool(streams):
            raise KwsError(f"{path} is no proper streaming file: export it with kws export")
        self.samples: int = self.metadata.get("samples", self.frontend.samples_in(self.frames))
        if len(self.labels) not in (0, self._scores.shape[1]):
            raise KwsError(
                f"{path} has {len(self.labels)} labels for {self._scores.shape[1]} scores"
            )
        self._owner: Stream | None = None

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Scores (labels,) of a window's features (frames, bands), or (batch, labels) of a batch.

        A streaming file gives them too, step by step. Raises KwsError if the features have
        another shape.
        """
        features = np.asarray(features, np.float32)
        batch = features[None] if features.ndim == 2 else features
        if batch.ndim != 3 or batch.shape[1:] != (self.frames, self.bands):
            raise KwsError(
                f"{self.path} takes features of shape ({self.frames}, {self.bands}), "
                f"not {features.shape}"
            )
        # The file's own reshapes fix its batch to one.
        scores = np.empty((len(batch), self._scores.shape[1]), np.float32)
        for row, example in zip(scores, batch, strict=True):
            row[:] = self._window(example)
        return scores[0] if features.ndim == 2 else scores

    def stream(self) -> "Stream":
        """A new stream through a streaming file; any number of them may take turns.

        It begins after a window of silence. Raises KwsError for a file that takes whole windows.
        """
        if self.step is None:
            raise KwsError(f"{self.path} takes whole windows; export it with --streaming", 2)
        stream = Stream(self)
        silence = np.full((self.step, self.bands), np.log(self.frontend.floor), np.float32)
        for _ in range(0, self.frames, self.step):
            stream(silence)
        return stream

    def _window(self, features: np.ndarray) -> np.ndarray:
        if self.step is None:
            return self._invoke(features)
        # No state holds anything older than a window, so that what comes before does not matter.
        lead = -len(features) % self.step
        features = np.concatenate([features[:1].repeat(lead, axis=0), features])
        stream = Stream(self)
        for start in range(0, len(features), self.step):
            scores = stream(features[start : start + self.step])
        return scores

    def _invoke(self, features: np.ndarray) -> np.ndarray:
        self._features[0] = features
        self._interpreter.invoke()
        return self._scores[0].copy()


class Stream:
    """The states of a streaming file for one stream of audio; made by ``Model.stream``."""

    def __init__(self, model: Model):
        self._model = model
        self._states = [np.zeros_like(state) for state in model._before]

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Scores (labels,) of the window that ends with these new features (step, bands)."""
        model = self._model
        if model._owner is not self:
            self._take_over()
        scores = model._invoke(features)
        for before, after in zip(model._before, model._after, strict=True):
            before[...] = after
        return scores

    def _take_over(self) -> None:
        """Put this stream's states into the interpreter; save those of the stream before."""
        model = self._model
        if model._owner is not None:
            for kept, state in zip(model._owner._states, model._before, strict=True):
                kept[...] = state
        for kept, state in zip(self._states, model._before, strict=True):
            state[...] = kept
        model._owner = self


def _interpreter(data: bytes, ops: dict[str, int], name: str, threads: int):
    from ai_edge_litert.interpreter import Interpreter, load_delegate

    delegates = [load_delegate(str(_library_for(ops, name)))] if ops else []
    try:
        interpreter = Interpreter(
            model_content=data, experimental_delegates=delegates, num_threads=threads
        )
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise KwsError(f"{name} cannot be run: {reason}") from error
    return interpreter


def _library_for(ops: dict[str, int], name: str) -> Path:
    for op, version in ops.items():
        if version > OP_VERSIONS.get(op, 0):
            raise KwsError(f"{name} needs version {version} of the op {op}; update kws")
    library = op_library()
    if library is None:
        raise KwsError(
            f"{name} needs kws's op library, which is not built: install kws with pip (this takes "
            "a C compiler), or export the model with --lowering dense"
        )
    return library


def _arrays(interpreter, details: list[dict]) -> list[np.ndarray]:
    """The memory of float32 tensors, as arrays that stay valid while the interpreter lives.

    Its own views must not be kept from call to call, and copies through it take longer than a
    small network's step. No tensor here is resized, so that each stays where it is.
    """
    return [_array(interpreter.tensor(detail["index"])()) for detail in details]


def _array(view: np.ndarray) -> np.ndarray:
    if view.dtype != np.float32:
        raise KwsError("the model's inputs and outputs are not float32; export it with kws export")
    pointer = ctypes.cast(view.ctypes.data, ctypes.POINTER(ctypes.c_float))
    return np.ctypeslib.as_array(pointer, view.shape)

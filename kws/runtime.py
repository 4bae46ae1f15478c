"""A .tflite and, if it needs it, the project's op library: a function from features to scores."""

import contextlib
import importlib.metadata
from pathlib import Path

import numpy as np

from kws import model_file
from kws.errors import KwsError
from kws.frontend import FrontEnd
from kws.quiet import quiet_stderr

# The newest version of each operator that the op library in this package runs.
OP_VERSIONS = {"KwsToeplitzLike": 2}


class Model:
    """A model file, ready to call.

    Attributes: ``path``; ``metadata`` as in the file; ``labels``, one per score; ``frontend``,
    the FrontEnd that makes the features it wants; ``frames`` and ``bands``, their shape;
    ``samples``, the length of the clips it was trained on.

    Not to be called by two threads at the same time; give each a Model of its own.

    Args:
        path: a .tflite that kws exported.
        threads: for the interpreter's own kernels.

    Raises KwsError if the file is missing, damaged or foreign, or needs an op library that is
    not there or too old.
    """

    def __init__(self, path: Path | str, threads: int = 1):
        self.path = Path(path)
        data, self.metadata = model_file.read(path)
        self.labels: list[str] = self.metadata.get("labels", [])
        self.frontend = FrontEnd.from_dict(self.metadata.get("frontend", {}))
        with quiet_stderr():
            self._interpreter = _interpreter(data, self.metadata["ops"], str(path), threads)
        features = self._interpreter.get_input_details()[0]
        scores = self._interpreter.get_output_details()[0]
        if len(features["shape"]) != 3 or features["shape"][0] != 1 or len(scores["shape"]) != 2:
            raise KwsError(f"{path} does not take features of shape (1, frames, bands)")
        self._input, self._output = features["index"], scores["index"]
        self.frames, self.bands = map(int, features["shape"][1:])
        self.samples: int = self.metadata.get("samples", self.frontend.samples_in(self.frames))
        self._scores = int(scores["shape"][1])
        if len(self.labels) not in (0, self._scores):
            raise KwsError(f"{path} has {len(self.labels)} labels for {self._scores} scores")

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Scores (labels,) of features (frames, bands), or (batch, labels) of a batch of them.

        Raises KwsError if the features have another shape.
        """
        features = np.asarray(features, np.float32)
        batch = features[None] if features.ndim == 2 else features
        if batch.ndim != 3 or batch.shape[1:] != (self.frames, self.bands):
            raise KwsError(
                f"{self.path} takes features of shape ({self.frames}, {self.bands}), "
                f"not {features.shape}"
            )
        # The file's own reshapes fix its batch to one.
        scores = np.zeros((len(batch), self._scores), np.float32)
        for row, example in zip(scores, batch, strict=True):
            self._interpreter.set_tensor(self._input, example[None])
            self._interpreter.invoke()
            row[:] = self._interpreter.get_tensor(self._output)[0]
        return scores[0] if features.ndim == 2 else scores


def op_library() -> Path | None:
    """The library with this project's operators, as it was installed with the package.

    In an editable install it lies in site-packages, away from these sources.
    """
    name = "libkws_ops.so"
    beside = Path(__file__).with_name(name)
    if beside.is_file():
        return beside
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        installed = Path(importlib.metadata.distribution("kws").locate_file(f"kws/{name}"))
        if installed.is_file():
            return installed
    return None


def _interpreter(data: bytes, ops: dict[str, int], name: str, threads: int):
    Interpreter, load_delegate = _runtime()
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


def _runtime() -> tuple:
    """LiteRT's interpreter and plug-in loader, or those of its former name."""
    try:
        from ai_edge_litert.interpreter import Interpreter, load_delegate
    except ImportError:
        try:
            from tflite_runtime.interpreter import Interpreter, load_delegate
        except ImportError as error:
            raise KwsError("no TFLite runtime here; pip install ai-edge-litert") from error
    return Interpreter, load_delegate


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

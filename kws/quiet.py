"""Keep what native libraries say of themselves off a person's terminal."""

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Turn the process's standard error away for the time being.

    TensorFlow's and LiteRT's C++ write to the file descriptor directly; their errors come as
    exceptions anyway.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def load_keras() -> None:
    """Import Keras and start its back end without their greetings."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with quiet_stderr():
        import keras

        keras.ops.zeros(1)

"""Where the library is that holds the project's C: operators, front end, decision."""

import contextlib
import importlib.metadata
from pathlib import Path


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

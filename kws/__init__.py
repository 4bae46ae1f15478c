"""kws: tiny keyword spotting with structured transforms.

``Detector``, ``Model`` and ``FrontEnd`` are loaded when they are first used, so that ``import kws``
costs nothing.
"""

import importlib

__version__ = "0.1.0"
__all__ = ["Detector", "FrontEnd", "Model", "__version__"]

_HOMES = {"Detector": "kws.runtime", "Model": "kws.runtime", "FrontEnd": "kws.frontend"}


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module 'kws' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)

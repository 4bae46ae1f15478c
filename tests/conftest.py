"""What several tests share: real speech where there is some, and a small corpus."""

import os
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

ROOT = Path(__file__).parent.parent
QUICKSTART = ROOT / "data" / "quickstart"


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """Tests never touch the user's cache, and share one of their own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="session")
def speech() -> np.ndarray:
    """Two seconds of spoken words, float32 (32000,) at 16 kHz."""
    from kws import audio

    words = sorted(QUICKSTART.glob("*/*.opus"))[::400][:4]
    return np.concatenate([audio.read(path) for path in words])[:32000]

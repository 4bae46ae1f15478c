"""What several tests share: real speech where there is some, and a small corpus."""

import os
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

ROOT = Path(__file__).parent.parent
QUICKSTART = ROOT / "data" / "quickstart"


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory):
    """Tests never touch the user's cache, and share one of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
        yield


@pytest.fixture(scope="session")
def speech() -> np.ndarray:
    """Two seconds of spoken words, float32 (32000,) at 16 kHz."""
    from kws import audio

    words = sorted(QUICKSTART.glob("*/*.opus"))[::400][:4]
    return np.concatenate([audio.read(path) for path in words])[:32000]


@pytest.fixture(scope="session")
def trained(own_cache, tmp_path_factory) -> Path:
    """A folder with a corpus, a recipe and a finished run, made by the command itself."""
    from kws.cli.main import main
    from tests import tones

    folder = tmp_path_factory.mktemp("trained")
    tones.write_corpus(folder / "clips")
    (folder / "recipe.toml").write_text(tones.RECIPE)
    data, run = folder / "clips", folder / "run"
    assert main(["train", str(folder), "--data", str(data), "--run", str(run)]) == 0
    return folder

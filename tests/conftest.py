"""What several tests share: real speech where there is some, and a small corpus."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

ROOT = Path(__file__).parent.parent
QUICKSTART = ROOT / "data" / "quickstart"


def shared_folder(tmp_path_factory, name: str, fill: Callable[[Path], object]) -> Path:
    """A folder that is filled once, whichever of pytest-xdist's processes comes first."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    folder, done = root / name, root / f"{name}.done"
    with open(root / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            folder.mkdir(exist_ok=True)
            fill(folder)
            done.touch()
    return folder


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory):
    """Tests never touch the user's cache, and share one of their own."""
    cache = shared_folder(tmp_path_factory, "cache", lambda folder: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(cache))
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

    def train(folder: Path) -> None:
        tones.write_corpus(folder / "clips")
        (folder / "recipe.toml").write_text(tones.RECIPE)
        data, run = folder / "clips", folder / "run"
        assert main(["train", str(folder), "--data", str(data), "--run", str(run)]) == 0

    return shared_folder(tmp_path_factory, "trained", train)

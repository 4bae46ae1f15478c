"""``kws new-keyword``: what it refuses, and the arrays that it keeps between its steps."""

import numpy as np

from kws.cli.main import main
from kws.wakeword import make
from kws.wakeword.examples import Examples


def test_a_phrase_that_cannot_be_said_is_refused(tmp_path, capsys):
    assert main(["new-keyword", "!?", "--out", str(tmp_path / "x")]) == 2
    assert "no word to say" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_too_few_recordings_are_refused(tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    arguments = ["new-keyword", "beep", "--recordings", str(tmp_path / "mine")]
    assert main([*arguments, "--out", str(tmp_path / "x")]) == 2
    assert "at least three" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_arrays_are_computed_once(tmp_path):
    examples = Examples(np.ones((2, 3, 4), np.float16), np.zeros(2, np.int8), np.zeros((2, 1, 96)))
    computed = []

    def compute() -> Examples:
        computed.append(1)
        return examples

    for _ in range(2):
        kept = make._kept(tmp_path / "examples.npz", Examples, compute)
        for name, array in vars(examples).items():
            np.testing.assert_array_equal(getattr(kept, name), array)
            assert getattr(kept, name).dtype == array.dtype
    assert computed == [1]

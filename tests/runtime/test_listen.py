"""What ``kws listen`` says about its source."""

import numpy as np

from kws.runtime.detector import Detection
from kws.runtime.listen import listen


class OneWord:
    """A detector that reports one word, at the end."""

    labels = ("yes", "no", "_silence_")
    scores = np.array([0.1, 0.2, 0.7], np.float32)

    def __init__(self):
        self.samples = 0

    def feed(self, chunk):
        self.samples += len(chunk)
        return []

    def finish(self):
        return [Detection(1.25, "yes", 0.9, 1.5)]


def test_each_time_a_source_is_dead_there_is_one_warning(capsys):
    rng = np.random.default_rng(0)
    dead = [np.zeros(1600, np.float32)] * 200
    alive = [0.01 * rng.standard_normal(1600).astype(np.float32)] * 80
    detector = OneWord()
    listen(detector, [*alive, *dead, *alive, *dead])
    out, err = capsys.readouterr()
    assert err.count("is the microphone muted") == 2
    assert out.split() == ["1.25", "s", "yes", "0.90"]
    assert detector.samples == 560 * 1600


def test_a_quiet_room_and_empty_chunks_give_no_warning(capsys):
    quiet = np.tile(np.float32([0, 1 / 32768]), 800)
    listen(OneWord(), [quiet, quiet[:0]] * 200, as_json=True)
    out, err = capsys.readouterr()
    assert err == ""
    assert out == '{"time": 1.25, "keyword": "yes", "score": 0.9, "decided": 1.5}\n'

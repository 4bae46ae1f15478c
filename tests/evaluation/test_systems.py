"""Systems give the same posteriors in chunks of any size, also where a chunk completes no step."""

import json

import numpy as np
import pytest

from kws import audio
from kws.cli.main import main
from kws.evaluation.systems import Peer, open_system
from kws.utils.errors import KwsError
from tests import tones
from tests.conftest import ROOT

QUICKSTART = ROOT / "models" / "quickstart"
# Every kind of file: whole windows and streams, with our op and without, large and compact.
FILES = ("custom", "custom-compact", "dense", "stream", "stream-compact")
# Around a hop of 160 samples, a frame of 400, a step of 640, and nothing at all.
SIZES = (0, 1, 2, 3, 7, 159, 160, 161, 0, 399, 400, 401, 639, 640, 641, 1279, 1280, 1281)


class Counting(Peer):
    """A peer without a network: its posterior is the piece's number."""

    title, package, distribution, piece = "Counting", "json", "none", 160

    def __init__(self):
        self.labels = self.keywords = ["tick"]
        self._count = 0

    def step(self, samples: bytes) -> list[float]:
        assert len(samples) == 2 * self.piece
        self._count += 1
        return [float(self._count)] if self._count % 3 == 0 else []


def posteriors(stream, samples: np.ndarray, sizes) -> tuple[np.ndarray, np.ndarray]:
    parts, at, k = [], 0, 0
    while at < len(samples):
        size = sizes[k % len(sizes)]
        parts.append(stream.feed(samples[at : at + size]))
        at, k = at + size, k + 1
    times, scores = (np.concatenate(column) for column in zip(*parts, strict=True))
    return times, scores


@pytest.mark.parametrize("kind", [*FILES, "peer"])
def test_chunks_of_any_size_give_the_same_posteriors(kind, speech):
    path = str(QUICKSTART / f"{kind}.tflite")
    systems = [Counting() if kind == "peer" else open_system(path) for _ in range(2)]
    whole, pieces = (
        posteriors(system.stream(), speech, sizes)
        for system, sizes in zip(systems, ([len(speech)], SIZES), strict=True)
    )
    assert len(whole[0]) > 20
    assert pieces[1].shape == (len(whole[0]), len(systems[0].labels))
    np.testing.assert_array_equal(pieces[0], whole[0])
    np.testing.assert_array_equal(pieces[1], whole[1])


@pytest.mark.parametrize("kind", FILES)
def test_a_chunk_without_a_step_gives_nothing(kind):
    system = open_system(str(QUICKSTART / f"{kind}.tflite"))
    times, scores = system.stream().feed(np.zeros(1, np.float32))
    assert times.shape == (0,)
    assert scores.shape == (0, len(system.labels))


@pytest.mark.parametrize("kind", ["custom", "stream"])
def test_score_takes_recordings_shorter_than_a_step(kind, tmp_path):
    """A chunk of such a recording completes no step."""
    for k, size in enumerate(sorted(set(SIZES) - {0})):
        name = tmp_path / "background" / f"{k:02}.wav"
        name.parent.mkdir(exist_ok=True)
        audio.write(name, 0.1 * tones.tone("other", k)[:size])
    (tmp_path / "yes").mkdir()
    for path in sorted((ROOT / "data" / "quickstart" / "yes").glob("*.opus"))[:3]:
        (tmp_path / "yes" / path.name).symlink_to(path)
    result = tmp_path / "score.json"
    arguments = ["score", str(QUICKSTART / f"{kind}.tflite"), "--keyword", "yes", "--snr"]
    folders = ["--positives", str(tmp_path / "yes"), "--background", str(tmp_path / "background")]
    options = ["--no-far", "--processes", "1", "--json", str(result)]
    assert main([*arguments, *folders, *options]) == 0
    assert json.loads(result.read_text())["positives"] == 3


def test_microwakeword_as_its_package_runs_it(speech):
    """In pieces of any size; the package asked directly, one feature at a time."""
    microwakeword = pytest.importorskip("pymicro_wakeword")
    system = open_system("microwakeword:alexa")
    assert (system.keywords, system.file_bytes) == (["alexa"], 55856)
    stream = system.stream()
    steps = [stream.feed(part) for part in np.array_split(speech, [1, 700, 701, 9000])]
    times = np.concatenate([times for times, _ in steps])
    scores = np.concatenate([scores for _, scores in steps])[:, 0]

    network = microwakeword.MicroWakeWord.from_builtin(microwakeword.Model.ALEXA)
    features = microwakeword.MicroWakeWordFeatures()
    pcm = np.clip(np.rint(speech * 32768), -32768, 32767).astype(np.int16).tobytes()
    theirs = [network.process_streaming_prob(one) for one in features.process_streaming(pcm)]
    np.testing.assert_allclose(scores, theirs[network.stride - 1 :: network.stride], atol=1e-6)
    assert (np.diff(times) > 0).all()
    assert times[-1] <= 2.0


def test_unknown_words_are_refused():
    pytest.importorskip("pymicro_wakeword")
    with pytest.raises(KwsError, match="okay_nabu"):
        open_system("microwakeword:jarvis")

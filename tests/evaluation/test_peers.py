"""Peers' wake words, where they are installed, heard through their own packages."""

import numpy as np
import pytest

from kws.evaluation.systems import open_system
from kws.utils.errors import KwsError

microwakeword = pytest.importorskip("pymicro_wakeword")


def test_as_the_package_itself_hears(speech):
    """In pieces of any size; the package asked directly, one feature at a time."""
    system = open_system("microwakeword:alexa")
    assert (system.keywords, system.file_bytes) == (["alexa"], 55856)
    stream = system.stream()
    heard = [stream.feed(part) for part in np.array_split(speech, [1, 700, 701, 9000])]
    times = np.concatenate([times for times, _ in heard])
    scores = np.concatenate([scores for _, scores in heard])[:, 0]

    network = microwakeword.MicroWakeWord.from_builtin(microwakeword.Model.ALEXA)
    features = microwakeword.MicroWakeWordFeatures()
    pcm = np.clip(np.rint(speech * 32768), -32768, 32767).astype(np.int16).tobytes()
    theirs = [network.process_streaming_prob(one) for one in features.process_streaming(pcm)]
    np.testing.assert_allclose(scores, theirs[network.stride - 1 :: network.stride], atol=1e-6)
    assert (np.diff(times) > 0).all()
    assert times[-1] <= 2.0


def test_unknown_words_are_refused():
    with pytest.raises(KwsError, match="okay_nabu"):
        open_system("microwakeword:jarvis")

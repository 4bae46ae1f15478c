import numpy as np

from kws.frontend.log_mel import FrontEnd
from kws.training.embedded_audio import embed_recordings
from kws.training.speech_embedding import STEP
from tests.training.embeddings import Embedding, beep


def test_recordings_lie_one_after_another():
    rng = np.random.default_rng(3)
    recordings = [beep(300, rng, 20000), beep(500, rng, 48000)]
    frontend, embedding = FrontEnd(), Embedding()
    both = embed_recordings(recordings, frontend, embedding)
    assert len(both.features) == STEP * len(both.whole) == STEP * len(both.embeddings)
    second = np.flatnonzero(~both.whole[:-1] & both.whole[1:])[0] + 1
    alone = embed_recordings(recordings[1:], frontend, embedding)
    np.testing.assert_array_equal(both.features[second * STEP :], alone.features)
    np.testing.assert_array_equal(both.embeddings[second:], alone.embeddings)
    # The embedding of a step is that of the frames from there on.
    start = 4 * STEP * frontend.hop
    expected = embedding(recordings[1][None, start : start + 12400])[0, 0]
    np.testing.assert_allclose(both.embeddings[second + 4], expected, rtol=1e-2)

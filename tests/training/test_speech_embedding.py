import numpy as np

from kws.training.speech_embedding import PcaTargets


def test_targets_are_principal_components():
    rng = np.random.default_rng(0)
    hidden = rng.standard_normal((500, 3))
    embeddings = (hidden @ rng.standard_normal((3, 192))).reshape(500, 2, 96)
    components_of = PcaTargets(embeddings)
    components = components_of(embeddings)
    assert components.shape == (500, 96)
    # Three span what made the embeddings, and are uncorrelated. There is nothing in the others.
    first = components[:, :3]
    fitted = first @ np.linalg.lstsq(first, hidden, rcond=None)[0]
    np.testing.assert_allclose(fitted, hidden - hidden.mean(axis=0), atol=0.05)
    assert np.abs(np.corrcoef(first.T) - np.eye(3)).max() < 1e-3
    assert np.abs(components[:, 3:]).max() < 0.05 * np.abs(first).max()
    np.testing.assert_allclose(components_of(embeddings[:7]), components[:7], atol=1e-5)

import keras
import numpy as np

from kws.training import logit_adjustment
from kws.training.distillation import train_embedding_head


def test_the_head_finds_a_word_at_a_step_where_it_never_was(monkeypatch):
    """Of two words and nothing, each at the first two of four steps in training."""
    monkeypatch.setattr(logit_adjustment, "_STEPS", 150)
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 3
    words = rng.normal(size=(2, 96))
    embeddings = 0.3 * rng.normal(size=(300, 4, 96))
    for k, label in enumerate(labels):
        if label < 2:
            embeddings[k, rng.integers(2)] += words[label]
    keras.utils.set_random_seed(0)
    head = train_embedding_head(embeddings, labels, np.zeros((300, 3), np.float32))
    moved = embeddings[:, ::-1]
    np.testing.assert_allclose(head(moved), head(embeddings), atol=1e-5)
    assert np.mean(np.argmax(head(moved), axis=1) == labels) > 0.95

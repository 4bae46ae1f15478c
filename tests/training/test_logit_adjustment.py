import keras
import numpy as np

from kws.training.logit_adjustment import LogitAdjustment, adjust, log_priors


def test_the_prior_of_an_origin_is_not_learned():
    """Recordings are mostly of one class, synthetic clips of both, and nothing else differs."""
    labels = np.repeat([0, 1, 0, 1], [190, 10, 100, 100])
    synthetic = np.arange(400) >= 200
    priors = log_priors(labels, synthetic, 3)
    np.testing.assert_allclose(priors[0, :2], np.log([1, 11 / 191]), rtol=1e-5)
    np.testing.assert_allclose(priors[-1, :2], [0, 0])
    features = np.stack([~synthetic, synthetic], axis=1).astype(np.float32)
    learned = {}
    for share in (0.0, 1.0):
        keras.utils.set_random_seed(0)
        inputs, shift = keras.Input((2,)), keras.Input((3,))
        network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, "softmax")])
        model = keras.Model([inputs, shift], LogitAdjustment()(network(inputs), shift))
        model.compile(keras.optimizers.Adam(0.1), "sparse_categorical_crossentropy")
        model.fit([features, share * priors], labels, epochs=15, batch_size=100, verbose=0)
        learned[share] = np.array(network(np.float32([[1, 0]])))[0]
    assert learned[0.0][1] < 0.1 < 0.3 < learned[1.0][1]


def test_both_adjustments_are_the_same():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(4), 5).astype(np.float32)
    priors = rng.normal(size=(5, 4)).astype(np.float32)
    expected = LogitAdjustment()(probabilities, priors)
    np.testing.assert_allclose(adjust(probabilities, priors), expected, rtol=1e-5)

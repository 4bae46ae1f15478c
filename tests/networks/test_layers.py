import keras
import numpy as np
import pytest
from keras import layers

from kws.networks.layers import BatchNorm, SpecAugment

IMAGES = np.random.default_rng(0).normal(3, 2, (6, 5, 4, 8)).astype(np.float32)


def trained(layer: layers.BatchNormalization, images: np.ndarray):
    """A network of one normalisation after three steps of gradient descent, and its answers."""
    features = keras.Input(images.shape[1:])
    network = keras.Model(features, layer(layers.Dense(8, kernel_initializer="identity")(features)))
    network.compile(keras.optimizers.SGD(0.1), "mse")
    wanted = np.sin(np.arange(images.size, dtype=np.float32)).reshape(images.shape)
    for _ in range(3):
        network.train_on_batch(images, wanted)
    return network, network.predict_on_batch(images)


@pytest.mark.parametrize("images", [IMAGES, IMAGES[:, :1], IMAGES[:, 0, 0]])
def test_batch_norm_trains_as_the_one_of_keras(images):
    network, answers = trained(BatchNorm(momentum=0.9), images)
    stock, expected = trained(layers.BatchNormalization(momentum=0.9), images)
    for ours, theirs in zip(network.get_weights(), stock.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(answers, expected, rtol=1e-4, atol=1e-4)


def test_batch_norm_is_saved_and_loaded(tmp_path):
    network, answers = trained(BatchNorm(), IMAGES)
    network.save(tmp_path / "network.keras")
    again = keras.saving.load_model(tmp_path / "network.keras")
    np.testing.assert_array_equal(again.predict_on_batch(IMAGES), answers)
    assert again.layers[-1].momentum == 0.95


def test_spec_augment_masks_frames_and_bands_in_training_only():
    features = np.random.default_rng(0).normal(size=(200, 40, 30)).astype(np.float32)
    layer = SpecAugment(time=10, bands=5, seed=1)
    np.testing.assert_array_equal(layer(features), features)
    masked = np.array(layer(features, training=True))
    means = features.mean(axis=(1, 2), keepdims=True)
    changed = masked != features
    at_mean = np.isclose(masked, means, atol=1e-6)
    assert (at_mean | ~changed).all()
    for axis, widest in ((2, 10), (1, 5)):
        whole = changed.all(axis=axis)  # frames, then bands, that are masked all over
        assert 0.4 * widest < whole.sum(axis=1).mean() <= widest
        assert whole.sum(axis=1).max() <= 2 * widest
    again = SpecAugment.from_config(layer.get_config())
    np.testing.assert_array_equal(again(features, training=True), masked)

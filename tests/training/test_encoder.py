"""A training whose network is a listener, with an ear of its own, on tones. About 15 seconds."""

import keras
import numpy as np
import pytest

from kws import networks
from kws.datasets.noise import Noise
from kws.networks.encoder import FRAMES, build_encoder, fold_normalisation, set_encoder
from kws.recipe import parse
from kws.training.encoder import embed_recordings, train_encoder
from kws.training.run_folder import ENCODER, read_history
from kws.training.speech_embedding import SIZE, STEP
from kws.utils.errors import KwsError
from tests.recipes import train_on
from tests.tones import RECIPE, write_corpus

LISTENERS = {
    "temporal": 'structure = "dense"\nstack = 1\nstride = 2\nkernel = 3',
    "ds-cnn": 'body = "ds-cnn"',
}


class Embedding:
    """Stands for the speech embedding: a coarse spectrum of 0.8 s, every 80 ms."""

    def __call__(self, sounds: np.ndarray) -> np.ndarray:
        starts = range(0, sounds.shape[1] - 12400 + 1, STEP * 160)
        cut = np.stack([sounds[:, at : at + 12400] for at in starts], axis=1)
        power = np.abs(np.fft.rfft(cut))[..., : SIZE * 64].reshape(*cut.shape[:2], SIZE, 64)
        return np.log(power.mean(axis=3) + 1e-3)


def recipe_of(body: str) -> str:
    schedule = "encoder_epochs = 20\nepochs = 20\nlearning_rate = 5e-3"
    if body == "ds-cnn":  # and its ear goes back
        schedule += "\nencoder_interpolation = 0.5\nlogit_adjustment = 0.5"
    text = RECIPE.replace("epochs = 30", schedule)
    text = text.replace("speed = 0.02", "speed = 0.02\ntime_mask_ms = 0\nband_mask = 0")
    return text.replace("[network]", f'[network]\nfamily = "encoder"\n{LISTENERS[body]}')


@pytest.mark.parametrize("body", LISTENERS)
def test_a_listener_learns_words_after_its_ear(body, tmp_path, monkeypatch):
    monkeypatch.setattr("kws.training.encoder.SpeechEmbedding", Embedding)
    monkeypatch.setattr("kws.training.distillation.SpeechEmbedding", Embedding)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_corpus(tmp_path / "clips", 40)
    run = tmp_path / "run"
    run.mkdir()
    (run / "recipe.toml").write_text(recipe_of(body), encoding="utf-8")
    network = train_on(run, tmp_path / "clips")
    history = read_history(run)
    assert history[-1]["val_accuracy"] > 0.6  # chance is a quarter

    # What the ear learned is kept, and a training that was stopped does not ask for it again.
    kept = keras.saving.load_model(run / ENCODER)
    assert {layer.name for layer in kept.layers} <= {layer.name for layer in network.layers}
    monkeypatch.setattr("kws.training.encoder.train_encoder", None)
    (run / "model.keras").unlink()
    again = train_on(run, tmp_path / "clips")
    for one, other in zip(network.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3)


def test_an_ear_that_was_stopped_goes_on(tmp_path):
    plan = parse(recipe_of("temporal").replace("encoder_epochs = 20", "encoder_epochs = 4"))
    rng = np.random.default_rng(1)
    recordings = [(0.1 * rng.normal(size=64000)).astype(np.float32) for _ in range(15)]
    heard = embed_recordings(recordings, plan.frontend, Embedding())

    def stop(epoch, loss):
        if epoch == 2:
            raise KeyboardInterrupt

    keras.utils.set_random_seed(1)
    whole = train_encoder(plan, heard, Noise(), tmp_path / "whole")
    keras.utils.set_random_seed(1)
    with pytest.raises(KeyboardInterrupt):
        train_encoder(plan, heard, Noise(), tmp_path / "stopped", stop)
    epochs = []
    gone_on = train_encoder(
        plan, heard, Noise(), tmp_path / "stopped", lambda epoch, loss: epochs.append(epoch)
    )
    assert epochs == [3, 4]
    for one, other in zip(whole.get_weights(), gone_on.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    assert [path.name for path in (tmp_path / "stopped").iterdir()] == [ENCODER]


@pytest.mark.parametrize("body", LISTENERS)
def test_an_ear_given_hears_the_same(body):
    plan = parse(recipe_of(body))
    keras.utils.set_random_seed(1)
    trained = build_encoder(plan.network, (3 * FRAMES, plan.frontend.bands))
    network = networks.build(plan.network, plan.shape, 4)
    set_encoder(network, trained)
    window = build_encoder(plan.network, (plan.frames, plan.frontend.bands))
    window.set_weights(trained.get_weights())
    features = np.random.default_rng(0).normal(size=(2, plan.frames, plan.frontend.bands))
    described = keras.Model(network.input, network.get_layer("encoder").output)
    np.testing.assert_allclose(described(features), window(features), atol=1e-5)


def test_a_normalised_layer_takes_numbers_as_they_are():
    rng = np.random.default_rng(0)
    x, mean, scale = rng.normal(3, 2, (5, 4)), rng.normal(size=4), rng.uniform(1, 2, 4)
    dense = keras.layers.Dense(3, name="bottleneck")
    network = keras.Sequential([keras.Input((4,)), dense])
    wanted = np.asarray(dense((x - mean) / scale))
    fold_normalisation(network, mean, scale)
    np.testing.assert_allclose(dense(x), wanted, atol=1e-5)


def test_only_a_listener_has_an_ear():
    with pytest.raises(KwsError, match="family 'encoder'"):
        parse(RECIPE.replace("[training]", "[training]\nencoder_epochs = 2"))
    with pytest.raises(KwsError, match="needs encoder_epochs"):
        parse(RECIPE.replace("[training]", "[training]\nencoder_interpolation = 0.5"))

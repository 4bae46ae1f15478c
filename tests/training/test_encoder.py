"""Encoders: their training, and that of networks with an encoder, on tones."""

import keras
import numpy as np
import pytest

from kws import networks
from kws.datasets.noise import Noise
from kws.networks.encoder import FRAMES, build_encoder, fold_normalisation, set_encoder
from kws.recipe import parse
from kws.training import encoder as encoder_module
from kws.training import logit_adjustment, train
from kws.training.embedded_audio import embed_recordings
from kws.training.encoder import encode, train_encoder
from kws.training.run_folder import ENCODER, read_history
from kws.training.speech_embedding import STEP, PcaTargets
from kws.utils.errors import KwsError
from tests.recipes import train_on
from tests.tones import RECIPE, write_corpus
from tests.training.embeddings import Embedding, beep

BODIES = {
    "temporal": 'structure = "dense"\nstack = 1\nstride = 2\nkernel = 3',
    "ds-cnn": 'body = "ds-cnn"',
}


def recipe_of(body: str, encoder_epochs: int = 5, epochs: int = 5) -> str:
    schedule = f"encoder_epochs = {encoder_epochs}\nepochs = {epochs}\nlearning_rate = 1e-2"
    if body == "ds-cnn":
        schedule += "\nencoder_interpolation = 0.5\nlogit_adjustment = 0.5"
    text = RECIPE.replace("epochs = 30", schedule)
    text = text.replace(
        "speed = 0.02", "speed = 0.02\ntime_mask_ms = 0\nband_mask = 0\nvariations = 2"
    )
    return text.replace("[network]", f'[network]\nfamily = "encoder"\n{BODIES[body]}')


PLAN = parse(recipe_of("temporal", encoder_epochs=12))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips") / "clips"
    write_corpus(folder, 40)
    return folder


@pytest.fixture
def short(monkeypatch):
    """Embeddings that cost nothing, and few steps of the heads."""
    monkeypatch.setattr("kws.training.encoder.SpeechEmbedding", Embedding)
    monkeypatch.setattr("kws.training.distillation.SpeechEmbedding", Embedding)
    monkeypatch.setattr(logit_adjustment, "_STEPS", 60)


def test_a_network_learns_words_on_a_pretrained_encoder(corpus, tmp_path, short):
    (tmp_path / "recipe.toml").write_text(recipe_of("temporal"), encoding="utf-8")
    network = train_on(tmp_path, corpus)
    assert read_history(tmp_path)[-1]["val_accuracy"] > 0.6  # chance is a quarter
    kept = keras.saving.load_model(tmp_path / ENCODER)
    assert {layer.name for layer in kept.layers} <= {layer.name for layer in network.layers}


def test_a_training_that_was_stopped_keeps_its_encoder(corpus, tmp_path, short, monkeypatch):
    """It goes on with the same weights and random numbers; here the encoder is interpolated too."""
    begun = []

    def start(goes_on: bool):
        fit = train._fit

        def started(model, *arguments):
            begun.append([*model.get_weights(), keras.random.uniform((3,))])
            if not goes_on:
                raise KeyboardInterrupt
            fit(model, *arguments)

        with monkeypatch.context() as patch:
            patch.setattr(train, "_fit", started)
            return train_on(tmp_path / "run", corpus)

    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "recipe.toml").write_text(recipe_of("ds-cnn", epochs=12))
    with pytest.raises(KeyboardInterrupt):
        start(goes_on=False)
    monkeypatch.setattr(encoder_module, "train_encoder", None)
    start(goes_on=True)
    for one, other in zip(*begun, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    assert read_history(tmp_path / "run")[-1]["val_accuracy"] > 0.6


@pytest.fixture(scope="module")
def trained_encoder(tmp_path_factory):
    """An encoder, what it was trained on, and its losses."""
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(1)
    recordings = [beep(rng.uniform(100, 2400), rng, 64000) for _ in range(60)]
    material = embed_recordings(recordings, PLAN.frontend, Embedding())
    with pytest.MonkeyPatch.context() as patch:
        losses = watch(patch)
        encoder = train_encoder(PLAN, material, Noise(), tmp_path_factory.mktemp("whole"))
    return encoder, material, losses


def watch(patch: pytest.MonkeyPatch, stop_after: int = 0) -> list[float]:
    """The losses of the epochs that are trained from now on."""
    losses = []

    def at_end(epoch, logs):
        losses.append(logs["loss"])
        if epoch + 1 == stop_after:
            raise KeyboardInterrupt

    patch.setattr(
        encoder_module,
        "EpochReport",
        lambda epochs: keras.callbacks.LambdaCallback(on_epoch_end=at_end),
    )
    return losses


def test_an_encoder_learns_the_embedding(trained_encoder):
    _, material, losses = trained_encoder
    embeddings = material.embeddings[material.whole][:, None]
    of_their_mean = np.mean(PcaTargets(embeddings)(embeddings) ** 2)
    assert len(losses) == PLAN.training.encoder_epochs
    assert losses[-1] < 0.87 * of_their_mean


def test_a_training_of_an_encoder_that_was_stopped_goes_on(trained_encoder, tmp_path, monkeypatch):
    whole, material, expected = trained_encoder
    keras.utils.set_random_seed(1)
    losses = watch(monkeypatch, stop_after=3)
    with pytest.raises(KeyboardInterrupt):
        train_encoder(PLAN, material, Noise(), tmp_path)
    more = watch(monkeypatch)
    resumed = train_encoder(PLAN, material, Noise(), tmp_path)
    np.testing.assert_allclose(losses + more, expected, rtol=1e-3)
    for one, other in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)
    assert [path.name for path in tmp_path.iterdir()] == [ENCODER]


def test_a_stretch_is_encoded_as_its_windows_are(trained_encoder):
    encoder, material, _ = trained_encoder
    encoded = encode(encoder, material.features)
    assert encoded.shape == (len(material.whole), PLAN.network.channels)
    short = build_encoder(PLAN.network, (FRAMES, PLAN.frontend.bands))
    short.set_weights(encoder.get_weights())
    for at in (0, 3, len(encoded) - 20):
        window = material.features[None, at * STEP :][:, :FRAMES].astype(np.float32)
        np.testing.assert_allclose(encoded[at], short(window)[0, 0, 0], rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("body", BODIES)
def test_an_encoder_gives_the_same_in_a_network(body):
    plan = parse(recipe_of(body))
    keras.utils.set_random_seed(1)
    trained = build_encoder(plan.network, (3 * FRAMES, plan.frontend.bands))
    network = networks.build(plan.network, plan.shape, 4)
    set_encoder(network, trained)
    window = build_encoder(plan.network, (plan.frames, plan.frontend.bands))
    window.set_weights(trained.get_weights())
    features = np.random.default_rng(0).normal(size=(2, plan.frames, plan.frontend.bands))
    encoded = keras.Model(network.input, network.get_layer("encoder").output)
    np.testing.assert_allclose(encoded(features), window(features), atol=1e-5)


def test_a_folded_layer_takes_numbers_that_are_not_normalised():
    rng = np.random.default_rng(0)
    x, mean, scale = rng.normal(3, 2, (5, 4)), rng.normal(size=4), rng.uniform(1, 2, 4)
    dense = keras.layers.Dense(3, name="bottleneck")
    network = keras.Sequential([keras.Input((4,)), dense])
    wanted = np.asarray(dense((x - mean) / scale))
    fold_normalisation(network, mean, scale)
    np.testing.assert_allclose(dense(x), wanted, atol=1e-5)


def test_only_a_network_with_an_encoder_pretrains_one():
    with pytest.raises(KwsError, match="family 'encoder'"):
        parse(RECIPE.replace("[training]", "[training]\nencoder_epochs = 2"))
    with pytest.raises(KwsError, match="needs encoder_epochs"):
        parse(RECIPE.replace("[training]", "[training]\nencoder_interpolation = 0.5"))

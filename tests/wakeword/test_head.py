"""Training of one keyword, and the command around it, on tones. About 10 seconds."""

import keras
import numpy as np
import pytest

from kws import networks, recipe
from kws.cli.main import main
from kws.datasets.noise import Noise
from kws.networks.encoder import FRAMES, build, build_encoder
from kws.training.encoder import concatenate, embed_recordings, encode, train_encoder
from kws.training.speech_embedding import SIZE, STEP, PcaTargets
from kws.utils.errors import KwsError
from kws.wakeword.examples import KEYWORD, OTHER, Examples, embedded, examples_of
from kws.wakeword.head import targets, teacher_answers, train_head

PLAN = recipe.parse(
    """
    [data]
    words = ["beep"]
    seconds = 1.0
    [network]
    family = "encoder"
    structure = "dense"
    stack = 1
    channels = 16
    blocks = 1
    kernel = 3
    stride = 2
    [training]
    encoder_epochs = 30
    """
)


def beep(hertz: float, rng, samples: int = PLAN.samples) -> np.ndarray:
    time = np.arange(samples) / 16000
    noise = 0.01 * rng.standard_normal(samples)
    return (0.3 * np.sin(2 * np.pi * hertz * time) + noise).astype(np.float32)


def embedding(sounds: np.ndarray) -> np.ndarray:
    """Stands for the speech embedding: a coarse spectrum of 0.8 s, every 80 ms."""
    hop, window = STEP * 160, 12400
    starts = range(0, sounds.shape[1] - window + 1, hop)
    cut = np.stack([sounds[:, at : at + window] for at in starts], axis=1)
    power = np.abs(np.fft.rfft(cut))[..., : SIZE * 20].reshape(*cut.shape[:2], SIZE, 20)
    return np.log(power.mean(axis=3) + 1e-3)


def beeps(count: int, rng) -> Examples:
    kinds = rng.integers(2, size=count).astype(np.int8)
    pitches = np.where(kinds == KEYWORD, 1200, rng.uniform(200, 700, count))
    return examples_of(np.stack([beep(p, rng) for p in pitches]), kinds, PLAN.frontend, embedding)


def test_targets_are_distributions():
    wanted = targets(np.array([0, 1, 2], np.int8), np.array([0.9, 0.1, 0.0], np.float32))
    np.testing.assert_allclose(wanted.sum(axis=1), 1, rtol=1e-6)
    assert (wanted.argmax(axis=1) == [0, 1, 2]).all()


def test_a_teacher_in_doubt_softens_the_target():
    kinds = np.array([KEYWORD, KEYWORD, OTHER, OTHER], np.int8)
    sure, doubtful, other, alike = targets(kinds, np.array([1, 0.1, 0, 0.6], np.float32))
    assert sure[KEYWORD] > 0.95
    assert other[OTHER] > 0.95
    assert doubtful[KEYWORD] < 0.5 < doubtful[OTHER] + doubtful[KEYWORD]
    assert 0.3 < alike[KEYWORD] < 0.5


def test_a_head_on_the_embedding_knows_the_keyword_but_not_by_heart():
    rng = np.random.default_rng(2)
    keras.utils.set_random_seed(2)
    kinds = rng.integers(2, size=2000).astype(np.int8)
    impressions = rng.normal(size=(2000, 8)).astype(np.float32)
    impressions[:, 0] += np.where(kinds == KEYWORD, 4, 0)
    mistaken = np.arange(20)
    labels = kinds.copy()
    labels[mistaken] = 1 - kinds[mistaken]
    found = teacher_answers(impressions, labels)
    assert ((found > 0.5) == (kinds == KEYWORD)).mean() > 0.95
    assert ((found[mistaken] > 0.5) == (kinds[mistaken] == KEYWORD)).mean() > 0.8


def test_impressions_are_principal_components():
    rng = np.random.default_rng(0)
    hidden = rng.standard_normal((500, 3))
    embeddings = (hidden @ rng.standard_normal((3, 192))).reshape(500, 2, 96)
    made = PcaTargets(embeddings, components=3)(embeddings)
    assert made.shape == (500, 3)
    # They span what made the embeddings, are uncorrelated, and say the same of a part alone.
    fitted = made @ np.linalg.lstsq(made, hidden, rcond=None)[0]
    np.testing.assert_allclose(fitted, hidden - hidden.mean(axis=0), atol=0.05)
    correlations = np.corrcoef(made.T) - np.eye(3)
    assert np.abs(correlations).max() < 1e-3
    np.testing.assert_allclose(PcaTargets(embeddings, 3)(embeddings[:7]), made[:7], atol=1e-5)


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """An ear and a keyword's network, taught with beeps; what they heard; what was told."""
    rng = np.random.default_rng(1)
    keras.utils.set_random_seed(1)
    scenes = beeps(400, rng)
    recordings = [beep(rng.uniform(200, 900), rng, 32000) for _ in range(60)]
    heard = embed_recordings(recordings, PLAN.frontend, embedding)
    losses, rounds = [], []
    everything = concatenate([heard, embedded(scenes)])
    folder = tmp_path_factory.mktemp("ear")
    ear = train_encoder(PLAN, everything, Noise(), folder, lambda epoch, loss: losses.append(loss))
    network = networks.build(PLAN.network, PLAN.shape, 3)
    train_head(network, ear, scenes, heard, lambda mining, loss: rounds.append(mining))
    return ear, network, heard, losses, rounds


def test_sounds_lie_one_behind_the_other():
    rng = np.random.default_rng(3)
    recordings = [beep(300, rng, 20000), beep(500, rng, 48000)]
    heard = embed_recordings(recordings, PLAN.frontend, embedding)
    assert len(heard.features) == STEP * len(heard.whole) == STEP * len(heard.embeddings)
    second = np.flatnonzero(~heard.whole[:-1] & heard.whole[1:])[0] + 1
    alone = embed_recordings(recordings[1:], PLAN.frontend, embedding)
    np.testing.assert_array_equal(heard.features[second * STEP :], alone.features)
    np.testing.assert_array_equal(heard.embeddings[second:], alone.embeddings)
    # The embedding of a place is that of the frames from there on.
    frames = PLAN.frontend
    at = second + 4
    start = 4 * STEP * frames.hop
    np.testing.assert_allclose(
        heard.embeddings[at], embedding(recordings[1][None, start : start + 12400])[0, 0], rtol=1e-2
    )


def test_an_ear_learns_what_it_is_asked_for(taught):
    _, _, heard, losses, _ = taught
    assert len(losses) == 30
    known = heard.embeddings[heard.whole][:, None]
    of_telling_nothing = np.mean(PcaTargets(known)(known) ** 2)
    assert losses[-1] < 0.7 * of_telling_nothing


def test_descriptions_of_a_stretch_are_those_of_its_windows(taught):
    ear, _, heard, *_ = taught
    told = encode(ear, heard.features)
    assert told.shape == (len(heard.whole), PLAN.network.channels)
    short = build_encoder(PLAN.network, (FRAMES, PLAN.frontend.bands))
    short.set_weights(ear.get_weights())
    for at in (0, 3, len(told) - 20):
        window = heard.features[None, at * STEP :][:, :FRAMES].astype(np.float32)
        np.testing.assert_allclose(
            told[at], short.predict(window, verbose=0)[0, 0, 0], rtol=1e-2, atol=1e-2
        )


def test_a_network_learns_the_keyword(taught):
    _, network, _, _, rounds = taught
    assert rounds == [0, 1, 2]
    fresh = beeps(100, np.random.default_rng(4))
    answers = network.predict(fresh.features.astype(np.float32), verbose=0).argmax(axis=1)
    assert (answers == fresh.kinds).mean() > 0.95
    assert set(answers) == {KEYWORD, OTHER}


def test_the_embedding_may_have_a_step_less(taught):
    ear, _, heard, *_ = taught
    scenes = beeps(400, np.random.default_rng(6))
    fewer = Examples(scenes.features, scenes.kinds, scenes.embeddings[:, :-1])
    keras.utils.set_random_seed(1)
    network = networks.build(PLAN.network, PLAN.shape, 3)
    train_head(network, ear, fewer, heard)
    fresh = beeps(100, np.random.default_rng(7))
    answers = network.predict(fresh.features.astype(np.float32), verbose=0).argmax(axis=1)
    assert (answers == fresh.kinds).mean() > 0.95


def test_a_listener_needs_a_description():
    with pytest.raises(KwsError, match="at least 76 frames"):
        build(PLAN.network, (50, 40), 3)


def test_a_phrase_that_cannot_be_said_is_refused(tmp_path, capsys):
    assert main(["new-keyword", "!?", "--out", str(tmp_path / "x")]) == 2
    assert "no word to say" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_too_few_recordings_are_refused(tmp_path, capsys, monkeypatch):
    pytest.importorskip("espeakng_loader")
    from kws.wakeword import make

    monkeypatch.setattr(make.kokoro_files, "available", lambda: False)
    monkeypatch.setattr(make, "confusables", lambda phrase, count: ["bop"])
    (tmp_path / "mine").mkdir()
    arguments = ["new-keyword", "beep", "--clips", "2", "--out", str(tmp_path / "x")]
    assert main([*arguments, "--recordings", str(tmp_path / "mine")]) == 2
    assert "at least three" in capsys.readouterr().err

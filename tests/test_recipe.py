"""Recipes: defaults, and one clear line for each mistake."""

import pytest

from kws import recipe
from kws.networks import config
from kws.utils.console import note_once
from kws.utils.errors import KwsError

MINIMAL = '[data]\nwords = ["yes", "no"]\n'


def test_what_is_left_out_takes_the_default():
    plan = recipe.parse(MINIMAL)
    assert plan.data.words == ["yes", "no"]
    assert (plan.samples, plan.frames) == (16000, 98)
    assert plan.network == config.Network()


def test_every_table_is_read():
    plan = recipe.parse(
        MINIMAL
        + "[frontend]\nbands = 20\n[network]\nrank = 3\n"
        + "[augment]\nsnr_db = [5, 10]\n[training]\nlearning_rate = 1\n"
    )
    assert plan.frontend.bands == 20
    assert plan.network.rank == 3
    assert plan.augment.snr_db == (5.0, 10.0)
    assert plan.training.learning_rate == 1.0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[data", "not valid TOML"),
        ("", "'data' is missing"),
        ("[data]\nseconds = 1.0", "'words' is missing"),
        ("[data]\nwords = []", "words: expected a list of length >= 1"),
        ('[data]\nwords = "yes"', "words: expected a list, got text"),
        ("[data]\nwords = [1]", "expected text, got a whole number"),
        (MINIMAL + "[netwrok]\nrank = 2", "did you mean 'network'"),
        (MINIMAL + "[training]\nepoch = 2", "did you mean 'epochs'"),
        (MINIMAL + "[training]\nepochs = 2.5", "epochs: expected a whole number, got a number"),
        (MINIMAL + "[training]\nepochs = true", "expected a whole number, got `bool`"),
        (MINIMAL + "[training]\nepochs = 0", "epochs: expected a whole number >= 1"),
        (MINIMAL + "[augment]\nsnr_db = [1]", "snr_db: expected a list of length 2"),
        (MINIMAL + '[network]\nstructure = "magic"', "use one of dense, toeplitz"),
        (MINIMAL + "[frontend]\nhigh_hz = 9000.0", "half the rate"),
        ("training = 3\n" + MINIMAL, "write [training]"),
    ],
)
def test_mistakes_are_named(text, says):
    with pytest.raises(KwsError) as refused:
        recipe.parse(text)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)
    assert refused.value.exit_code == 2


def test_a_missing_recipe(tmp_path):
    with pytest.raises(KwsError, match="no such recipe"):
        recipe.load(tmp_path / "nowhere")


def test_every_recipe_of_the_project_is_valid():
    from tests.conftest import ROOT

    found = sorted(ROOT.glob("models/*/recipe.toml"))
    assert found
    for path in found:
        recipe.load(path)


def test_keys_of_earlier_recipes_are_taken_and_told(capsys):
    note_once.cache_clear()
    old = '[network]\nfamily = "listener"\nnarrow = 32\n[training]\near = 8\nback = 0.5\n'
    new = (
        '[network]\nfamily = "encoder"\nbottleneck = 32\n'
        "[training]\nencoder_epochs = 8\nencoder_interpolation = 0.5\n"
    )
    assert recipe.parse(MINIMAL + old) == recipe.parse(MINIMAL + new)
    told = capsys.readouterr().err.splitlines()
    assert "kws: [training] ear is called encoder_epochs now" in told
    assert len(told) == 4


def test_what_recipes_can_name_is_there():
    from kws.structured import registry

    assert set(config.STRUCTURES) == set(registry.STRUCTURES)

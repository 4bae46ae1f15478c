"""Recipes: defaults, and one clear line for each mistake."""

import pytest

from kws import recipe
from kws.errors import KwsError

MINIMAL = '[data]\nwords = ["yes", "no"]\n'


def test_what_is_left_out_takes_the_default():
    plan = recipe.parse(MINIMAL)
    assert plan.data.words == ["yes", "no"]
    assert (plan.samples, plan.frames) == (16000, 98)
    assert plan.network == recipe.Network()


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
        ("[data]\nwords = []", "at least one word"),
        ('[data]\nwords = "yes"', "must be a list"),
        ("[data]\nwords = [1]", "must be text"),
        (MINIMAL + "[netwrok]\nrank = 2", "did you mean 'network'"),
        (MINIMAL + "[training]\nepoch = 2", "did you mean 'epochs'"),
        (MINIMAL + "[training]\nepochs = 2.5", "must be a whole number"),
        (MINIMAL + "[training]\nepochs = true", "must be a whole number"),
        (MINIMAL + "[training]\nepochs = 0", "at least 1"),
        (MINIMAL + "[augment]\nsnr_db = [1]", "needs 2 values"),
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

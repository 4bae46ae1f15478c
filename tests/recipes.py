"""Networks of recipes, for tests of what is done with networks."""

from pathlib import Path

import keras

from kws import networks, recipe


def network_of(text: str, outputs: int) -> keras.Model:
    """The untrained network that a recipe's TOML text describes."""
    plan = recipe.parse(text)
    return networks.build(plan.network, plan.shape, outputs)


def train_on(run: Path, data: Path) -> keras.Model:
    """Train the recipe in a run folder on a folder of clips."""
    from kws.training.dataset import load_corpus
    from kws.training.train import train

    plan, _ = recipe.load(run)
    return train(run, load_corpus(plan, data))

"""Networks: their shapes, their parameters, and that a temporal one sees its window and no more."""

import keras
import numpy as np
import pytest

from kws import networks, recipe
from kws.networks import config, paper
from kws.utils.errors import KwsError
from tests.recipes import network_of

HEAD = '[data]\nwords = ["yes", "no"]\n[network]\n'


def made(text: str) -> keras.Model:
    return network_of(HEAD + text, 4)


def parameters(model: keras.Model, name: str) -> int:
    return model.get_layer(name).count_params()


@pytest.mark.parametrize("structure", config.STRUCTURES)
def test_every_structure_makes_every_structured_family(structure, monkeypatch):
    monkeypatch.setattr(paper, "FILTERS", 4)
    monkeypatch.setattr(paper, "UNITS", 36)
    small = f'structure = "{structure}"\nrank = 2\nchannels = 16\nblocks = 1\n'
    for family in ("temporal", "separable", "paper"):
        network = made(f'family = "{family}"\n{small}')
        scores = network(np.zeros((3, 98, 40), np.float32))
        np.testing.assert_allclose(np.sum(scores, axis=1), 1, rtol=1e-5)


def test_a_structured_mix_has_2nr_parameters():
    network = made("channels = 128\nrank = 3\nblocks = 2")
    assert parameters(network, "block0_mix") == parameters(network, "stem_mix") == 2 * 128 * 3
    dense = made('channels = 48\nstructure = "dense"\nblocks = 1')
    assert parameters(dense, "stem_mix") == 48 * 80


def test_a_separable_network_with_dense_mixes_is_ds_cnn():
    keys = "channels = 12\nblocks = 2\n"
    ours = made(f'family = "separable"\nstructure = "dense"\n{keys}')
    theirs = made(f'family = "ds-cnn"\n{keys}')
    for one, other in zip(ours.weights, theirs.weights, strict=True):
        one.assign(np.reshape(other, one.shape))
    features = np.random.default_rng(0).normal(size=(2, 98, 40)).astype(np.float32)
    np.testing.assert_allclose(ours(features), theirs(features), rtol=1e-4, atol=1e-6)


def test_the_papers_network_has_the_papers_parameters():
    text = '[data]\nwords = ["yes"]\nseconds = 0.335\n[network]\nfamily = "paper"\nrank = 1\n'
    plan = recipe.parse(text)
    assert plan.frames == 32
    network = networks.build(plan.network, plan.shape, 3)
    assert parameters(network, "hidden") == 3348 + 1674  # the paper's figure, and a bias


@pytest.mark.parametrize(("stride", "kernel"), [(1, 5), (2, 5), (2, 4), (3, 3)])
def test_a_temporal_network_is_the_same_everywhere_in_its_window(stride, kernel):
    """What a longer clip gives is the mean of shorter ones': no step sees the window's edge."""
    keys = f"channels = 8\nblocks = 2\nstride = {stride}\nkernel = {kernel}\n"
    text = '[data]\nwords = ["yes"]\nseconds = {}\n[network]\n' + keys
    reach = 2 * ((3 * kernel - 3 - (kernel - 1)) * stride + kernel)  # frames of one pooled step
    hop = 2 * stride
    one = network_of(text.format((reach * 160 + 240) / 16000), 3)
    four = network_of(text.format(((reach + 3 * hop) * 160 + 240) / 16000), 3)
    four.set_weights(one.get_weights())
    features = np.random.default_rng(0).normal(size=(1, reach + 3 * hop, 40)).astype(np.float32)
    pooled = [
        keras.Model(network.input, network.get_layer("pool").output) for network in (one, four)
    ]
    parts = np.concatenate([features[:, k * hop : k * hop + reach] for k in range(4)])
    np.testing.assert_allclose(
        np.mean(pooled[0](parts), axis=0), pooled[1](features)[0], rtol=1e-4, atol=1e-6
    )


def test_filters_that_do_not_fit_are_refused():
    with pytest.raises(KwsError, match="kernel 20 do not fit in the 49 steps"):
        made("kernel = 20")


def test_an_encoder_needs_a_window_of_76_frames():
    with pytest.raises(KwsError, match="at least 76 frames"):
        networks.build(config.Network("encoder"), (50, 40), 3)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        # What the papers say, with heads for 12 classes; where ours differs the reason is there.
        ('family = "tc-resnet"\nchannels = 16', (60_000, 70_000)),
        ('family = "ds-cnn"\nchannels = 64\nblocks = 4', (21_000, 25_000)),
        ('family = "bc-resnet"\nchannels = 8', (8_000, 10_500)),
        ('family = "dnn"\nchannels = 144\nblocks = 3', (100_000, 200_000)),
    ],
)
def test_the_comparisons_are_as_large_as_published(keys, expected):
    network = network_of(HEAD + keys, 12)
    assert expected[0] <= network.count_params() <= expected[1]
    scores = network(np.random.default_rng(0).normal(size=(2, 98, 40)).astype(np.float32))
    np.testing.assert_allclose(np.sum(scores, axis=1), 1, rtol=1e-5)

"""The same model three ways: Keras, a .tflite with the op, a .tflite with dense products."""

import re
from collections import Counter
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from kws import inspect_model, model_file, runtime, structured
from kws.errors import KwsError
from kws.inspect_model import inspect
from kws.lowering import lower
from kws.structured import ToeplitzLike

FRAMES, BANDS, LABELS = 30, 20, ["yes", "no", "_unknown_"]


@keras.saving.register_keras_serializable(package="test")
class Block(layers.Layer):
    """A structured layer inside another layer, which no functional clone would reach."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.mix = ToeplitzLike(24, 3, activation="relu")

    def call(self, x):
        return x + self.mix(x)


def network() -> keras.Model:
    """Every kind of layer that the networks of this project use."""
    features = layers.Input((FRAMES, BANDS))
    x = layers.Conv1D(24, 3, strides=2, padding="same", use_bias=False)(features)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    for dilation in (1, 2):
        y = ToeplitzLike(16, 2, use_bias=False)(x)
        y = layers.DepthwiseConv1D(5, padding="same", dilation_rate=dilation, use_bias=False)(y)
        y = layers.BatchNormalization()(y)
        y = layers.ReLU()(y)
        y = ToeplitzLike(24, 1, activation="relu")(y)
        x = layers.Add()([x, y])
    x = Block()(x)
    x = layers.GlobalAveragePooling1D()(x)
    x = ToeplitzLike(512, 1, activation="tanh")(x)
    x = layers.Dropout(0.5)(x)
    x = layers.Dense(len(LABELS), activation="softmax")(x)
    return disturbed(keras.Model(features, x))


def disturbed(model: keras.Model) -> keras.Model:
    """Biases and batch statistics as after training, not at their neutral start."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if "variance" in weight.path or "gamma" in weight.path:
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        elif "seed" not in weight.path and len(weight.shape) == 1:
            weight.assign(rng.normal(0, 0.3, weight.shape))
    return model


@pytest.fixture(scope="module")
def keras_model() -> keras.Model:
    return network()


@pytest.fixture(scope="module")
def files(keras_model, tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    paths = {}
    for lowering in ("custom", "dense"):
        data = model_file.write_metadata(lower(keras_model, lowering), {"labels": LABELS})
        paths[lowering] = folder / f"{lowering}.tflite"
        paths[lowering].write_bytes(data)
    return paths


def test_keras_custom_and_dense_agree(keras_model, files):
    features = np.random.default_rng(1).normal(size=(20, FRAMES, BANDS)).astype(np.float32)
    expected = keras_model.predict(features, verbose=0)
    assert np.ptp(expected[:, 0]) > 0.01, "a constant answer would prove nothing"
    for path in files.values():
        model = runtime.Model(path)
        np.testing.assert_allclose(model(features), expected, atol=1e-5)
        np.testing.assert_allclose(model(features[3]), expected[3], atol=1e-5)
        assert model(features[:0]).shape == (0, len(LABELS))
        assert model.labels == LABELS


def test_two_models_at_once(files):
    features = np.random.default_rng(2).normal(size=(FRAMES, BANDS)).astype(np.float32)
    first, second = runtime.Model(files["custom"]), runtime.Model(files["custom"], threads=2)
    np.testing.assert_array_equal(first(features), second(features))


def test_only_what_inference_needs_remains(files):
    kinds = {name: Counter(row.kind for row in rows(path)) for name, path in files.items()}
    for counts in kinds.values():
        assert counts["DEPTHWISE_CONV_2D"] == 2, "one per filter, batch normalisation folded in"
        assert not {"MUL", "SUB", "RSQRT", "BATCH_MATMUL", "TRANSPOSE"} & set(counts)
    assert kinds["custom"]["KwsToeplitzLike"] == 6
    assert kinds["custom"]["FULLY_CONNECTED"] == 1
    assert kinds["dense"]["FULLY_CONNECTED"] == 7


def rows(path: Path) -> list[inspect_model.LayerRow]:
    return inspect(path.read_bytes())


def test_inspect_counts_parameters_and_work(keras_model, files):
    custom, dense = rows(files["custom"]), rows(files["dense"])
    structured = [row for row in custom if row.n]
    assert [(row.n, row.rank) for row in structured] == [
        *[(24, 2), (24, 1)] * 2,
        (24, 3),
        (512, 1),
    ]
    last = structured[-1]
    assert last.parameters == 2 * 512 + 512
    assert last.dense_parameters == 24 * 512 + 512
    assert (last.macs, last.ffts) == (24 * 512, 0), "too narrow for transforms to pay"
    assert structured[0].macs == FRAMES // 2 * 24 * 16
    # Folding turns a normalisation's four vectors into one bias.
    folded = sum(
        3 * layer.gamma.shape[0]
        for layer in keras_model.layers
        if isinstance(layer, layers.BatchNormalization)
    )
    assert sum(row.parameters for row in custom) == keras_model.count_params() - folded
    assert sum(row.dense_parameters for row in custom) == sum(row.parameters for row in dense)
    assert sum(row.dense_macs for row in custom) == sum(row.macs for row in dense)


def test_files_are_small(files):
    """Beyond its constants a file holds some 200 bytes per operator and its metadata."""
    for path in files.values():
        constants = sum(row.bytes for row in rows(path))
        assert path.stat().st_size < constants + 250 * len(rows(path)) + 1500


def test_the_model_is_as_before(keras_model, files):
    assert all("call" not in vars(layer) for layer in keras_model._flatten_layers())


@pytest.mark.parametrize("lowering", ["custom", "dense"])
def test_other_structures_become_dense(lowering, tmp_path):
    features = layers.Input((4, 10))
    x = structured.LowRank(12, 3)(structured.HankelLike(8, 2)(features))
    model = keras.Model(features, layers.GlobalAveragePooling1D()(x))
    path = tmp_path / "m.tflite"
    path.write_bytes(model_file.write_metadata(lower(disturbed(model), lowering), {}))
    x = np.random.default_rng(3).normal(size=(2, 4, 10)).astype(np.float32)
    np.testing.assert_allclose(runtime.Model(path)(x), model.predict(x, verbose=0), atol=1e-5)
    assert [row.kind for row in rows(path)].count("FULLY_CONNECTED") == 2


def test_unknown_lowering_is_refused(keras_model):
    with pytest.raises(KwsError, match="no lowering 'fast'; use custom or dense"):
        lower(keras_model, "fast")


def test_inspect_and_the_library_share_one_rule():
    source = Path(__file__).parents[1] / "export/ldr/toeplitz_like.c"
    crossing = re.search(r"CROSSING = (\d+)", source.read_text())
    assert int(crossing[1]) == inspect_model._CROSSING

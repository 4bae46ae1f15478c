"""The same model in every lowering and quantization, against Keras."""

from collections import Counter
from pathlib import Path

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

from kws import recipe, structured
from kws.convert import cost_model
from kws.convert.convert import convert
from kws.convert.structured_ops import product_by_matrices, product_by_transforms, spectra
from kws.runtime.model import Model
from kws.structured import ToeplitzLike
from kws.tflite.graph import Graph
from kws.tflite.inspect import LayerRow, inspect_model
from kws.tflite.metadata import write_metadata
from kws.tflite.pack import unpack
from kws.utils.errors import KwsError
from tests.recipes import network_of
from tests.tones import tone

ROOT = Path(__file__).parents[2]

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
    keras.utils.set_random_seed(1)
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


# The greatest difference from Keras in a probability; the scores of the networks here vary
# by more than 0.2 from clip to clip.
TOLERANCE = {"none": 1e-5, "float16": 2e-3, "dynamic": 0.03, "int8": 0.06, "compact": 0.03}
LOWERINGS = ("custom", "builtin", "dense")


@pytest.fixture(scope="module")
def keras_model() -> keras.Model:
    return network()


@pytest.fixture(scope="module")
def features() -> np.ndarray:
    """Clips that differ as a whole, or averaging over time would make them all alike."""
    rng = np.random.default_rng(1)
    clips = rng.normal(size=(20, FRAMES, BANDS)) + 2 * rng.normal(size=(20, 1, BANDS))
    return clips.astype(np.float32)


@pytest.fixture(scope="module")
def file(keras_model, features, tmp_path_factory):
    """``file(lowering, quantize)`` is the path of the model so exported, made once."""
    folder = tmp_path_factory.mktemp("models")

    def made(lowering: str, quantize: str = "none") -> Path:
        path = folder / f"{lowering}-{quantize}.tflite"
        if not path.exists():
            data = convert(
                keras_model, lowering=lowering, quantize=quantize, representative=features
            ).data
            path.write_bytes(write_metadata(data, {"labels": LABELS}))
        return path

    return made


@pytest.mark.parametrize("quantize", TOLERANCE)
@pytest.mark.parametrize("lowering", LOWERINGS)
def test_every_form_agrees_with_keras(lowering, quantize, keras_model, features, file):
    expected = keras_model.predict(features, verbose=0)
    assert np.ptp(expected, axis=0).min() > 0.2, "a constant answer would prove nothing"
    scores = Model(file(lowering, quantize))(features)
    np.testing.assert_allclose(scores, expected, atol=TOLERANCE[quantize])
    clear = np.sort(expected)[:, -1] - np.sort(expected)[:, -2] > 2 * TOLERANCE[quantize]
    assert (scores.argmax(1) == expected.argmax(1))[clear].all()


def test_single_clips_and_no_clips(features, file):
    model = Model(file("custom"))
    np.testing.assert_array_equal(model(features[3]), model(features)[3])
    assert model(features[:0]).shape == (0, len(LABELS))
    assert model.labels == LABELS


def test_two_models_at_once(features, file):
    first, second = Model(file("custom")), Model(file("custom"), threads=2)
    np.testing.assert_array_equal(first(features[0]), second(features[0]))


@pytest.mark.parametrize("quantize", TOLERANCE)
@pytest.mark.parametrize("lowering", ["builtin", "dense"])
def test_stock_runtimes_run_it(lowering, quantize, keras_model, features, file):
    import tensorflow as tf

    data = file(lowering, quantize).read_bytes()
    expected = keras_model.predict(features[:3], verbose=0)
    for stock in (tf.lite.Interpreter, Interpreter):
        interpreter = stock(model_content=data)
        interpreter.allocate_tensors()
        run = interpreter.get_signature_runner()
        for clip, scores in zip(features[:3], expected, strict=True):
            result = run(features=clip[None])["scores"][0]
            assert result.dtype == np.float32
            np.testing.assert_allclose(result, scores, atol=TOLERANCE[quantize])


def test_only_what_inference_needs_remains(file):
    kinds = {name: Counter(row.kind for row in rows(file(name))) for name in LOWERINGS}
    for counts in kinds.values():
        assert counts["DEPTHWISE_CONV_2D"] == 2, "one per filter, batch normalisation folded in"
        assert not {"RSQRT", "TRANSPOSE"} & set(counts)
    assert kinds["custom"]["KwsToeplitzLike"] == 6
    assert kinds["custom"]["FULLY_CONNECTED"] == 1
    assert kinds["dense"]["FULLY_CONNECTED"] == 7
    assert "KwsToeplitzLike" not in kinds["builtin"]
    assert kinds["builtin"]["FULLY_CONNECTED"] == 1
    assert kinds["builtin"]["RFFT2D"] == 4, "the layer of 512; the small ones write matrices out"
    assert kinds["builtin"]["BATCH_MATMUL"] == 10


def rows(path: Path) -> list[LayerRow]:
    return inspect_model(path.read_bytes())


def test_inspect_counts_parameters_and_work(keras_model, file):
    custom, dense = rows(file("custom")), rows(file("dense"))
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


@pytest.mark.parametrize("lowering", ["custom", "dense"])
def test_quantization_changes_bytes_not_parameters(lowering, file):
    float32 = rows(file(lowering))
    for quantize in ("float16", "dynamic", "int8", "compact"):
        smaller = rows(file(lowering, quantize))
        assert sum(r.parameters for r in smaller) == sum(r.parameters for r in float32)
        assert sum(r.bytes for r in smaller) < 0.6 * sum(r.bytes for r in float32)


def test_int8_computes_in_integers_but_for_structured_products(file):
    graph = Graph(unpack(file("custom", "int8").read_bytes()))
    for operator in graph.operators_of("DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD", "MEAN"):
        assert all(graph.tensors[i].type == Graph.INT8 for i in operator.outputs)
    for operator in graph.operators_of("KwsToeplitzLike"):
        assert graph.is_float(operator.inputs[0])
        assert graph.is_float(operator.outputs[0])
        assert [graph.tensors[i].type for i in operator.inputs[1:3]] == [Graph.INT8] * 2
    assert graph.is_float(graph.inputs[0])
    assert graph.is_float(graph.outputs[0])


def test_files_are_small(file):
    """Beyond its constants a file holds some 200 bytes per operator and its metadata."""
    for lowering in ("custom", "dense"):
        path = file(lowering)
        constants = sum(row.bytes for row in rows(path))
        assert path.stat().st_size < constants + 250 * len(rows(path)) + 1500


@pytest.mark.parametrize("quantize", ["none", "float16"])
def test_builtin_holds_no_matrix(quantize):
    features = layers.Input((1, 300))
    x = ToeplitzLike(512, 2)(features)
    model = keras.Model(features, layers.Flatten()(x))
    data = convert(disturbed(model), lowering="builtin", quantize=quantize).data
    item = {"none": 4, "float16": 2}[quantize]
    assert len(data) < item * (2 * 3 * 512 + 512) * 1.1 + 12_000 < item * 300 * 512 / 4


def test_the_model_is_as_before(keras_model, file):
    assert file("custom").exists()
    assert all("call" not in vars(layer) for layer in keras_model._flatten_layers())


@pytest.mark.parametrize("lowering", LOWERINGS)
def test_other_structures_become_dense(lowering, tmp_path):
    features = layers.Input((4, 10))
    x = structured.LowRank(12, 3)(structured.HankelLike(8, 2)(features))
    model = keras.Model(features, layers.GlobalAveragePooling1D()(x))
    path = tmp_path / "m.tflite"
    lowered = convert(disturbed(model), lowering=lowering)
    assert "no op for HankelLike" in [choice.why for choice in lowered.choices]
    path.write_bytes(write_metadata(lowered.data, {}))
    x = np.random.default_rng(3).normal(size=(2, 4, 10)).astype(np.float32)
    np.testing.assert_allclose(Model(path)(x), model.predict(x, verbose=0), atol=1e-5)
    assert [row.kind for row in rows(path)].count("FULLY_CONNECTED") == 2


@pytest.mark.parametrize(
    ("lowering", "quantize"), [*((form, "none") for form in LOWERINGS), ("custom", "compact")]
)
def test_a_separable_network_in_every_form(lowering, quantize, tmp_path):
    text = '[data]\nwords = ["a", "b"]\n[network]\nfamily = "separable"\nchannels = 24\nblocks = 2'
    model = disturbed(network_of(text, 4))
    path = tmp_path / "m.tflite"
    path.write_bytes(write_metadata(convert(model, lowering=lowering, quantize=quantize).data, {}))
    x = np.random.default_rng(3).normal(size=(2, *model.input_shape[1:])).astype(np.float32)
    expected = model.predict(x, verbose=0)
    np.testing.assert_allclose(Model(path)(x), expected, atol=TOLERANCE[quantize])


@settings(max_examples=30, deadline=None)
@given(n=st.integers(2, 70), rank=st.integers(1, 3), seed=st.integers(0, 99))
def test_products_of_builtin_operators_are_the_layers(n, rank, seed):
    rng = np.random.default_rng(seed)
    g, h = rng.normal(0, (rank * n * n) ** -0.25, (2, rank, n)).astype(np.float32)
    x = rng.normal(size=(3, n)).astype(np.float32)
    expected = x @ sum(matrix(a, 1) @ matrix(b, -1) for a, b in zip(g, h, strict=True)).T
    by_matrices = product_by_matrices(x, g, h)
    by_transforms = product_by_transforms(x, *spectra(g, h))
    np.testing.assert_allclose(by_matrices, expected, atol=1e-5)
    np.testing.assert_allclose(by_transforms, expected, atol=1e-5)


def matrix(column: np.ndarray, f: int) -> np.ndarray:
    """``Z_f(column)`` entry by entry."""
    n = len(column)
    return np.array(
        [[column[i - j] if i >= j else f * column[n + i - j] for j in range(n)] for i in range(n)]
    )


@pytest.fixture
def measured(tmp_path, monkeypatch):
    """A cost table in which dense is faster at n = 24 and our op at n = 512."""
    table = [
        {"n": 24, "rank": 2, "batch": 15, "us": 9.0, "dense_f32_us": 3.0},
        {"n": 512, "rank": 1, "batch": 1, "us": 1.0, "dense_f32_us": 12.0},
    ]
    path = tmp_path / "costs.json"
    cost_model.save_costs(table, "cortex-a53", path=path)
    monkeypatch.setattr(cost_model.load_costs, "__defaults__", (path,))


def test_auto_takes_the_faster_within_the_limit(measured, keras_model, features):
    free = convert(keras_model, lowering="auto", target="cortex-a53")
    assert Counter(c.lowering for c in free.choices) == {"dense": 5, "custom": 1}
    assert free.choices[-1].why == "custom 1 µs, dense 12 at n = 512, rank 1, batch 1"
    limit = len(free.data) - 2000
    tight = convert(keras_model, lowering="auto", target="cortex-a53", limit=limit)
    assert len(tight.data) <= limit
    swapped = [c for c in tight.choices if c.why.endswith(f"but over the limit of {limit:,} bytes")]
    assert 1 <= len(swapped) < 5
    with pytest.raises(KwsError, match="over the limit of 1,000; quantize it further"):
        convert(keras_model, lowering="auto", target="cortex-a53", limit=1000)


def test_a_target_that_was_not_measured(measured, keras_model):
    with pytest.raises(KwsError, match="no costs measured for cortex-a76; run: kws bench ops"):
        convert(keras_model, lowering="auto", target="cortex-a76")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"lowering": "fast"}, "no lowering 'fast'; use custom, builtin, dense or auto"),
        (
            {"lowering": "custom", "quantize": "int4"},
            "no quantization 'int4'; use none, float16, dynamic, int8 or compact",
        ),
        (
            {"lowering": "auto", "target": "z80"},
            "no target 'z80'; use x86, cortex-a53 or cortex-a76",
        ),
        (
            {"lowering": "custom", "quantize": "int8"},
            "int8 takes its ranges from features; give some clips",
        ),
        (
            {"lowering": "dense", "quantize": "int8", "representative": np.zeros((2, 3, BANDS))},
            "features of shape",
        ),
    ],
)
def test_what_cannot_be_asked_for(keras_model, arguments, reason):
    with pytest.raises(KwsError, match=reason):
        convert(keras_model, **arguments)


@pytest.mark.parametrize(
    ("lowering", "quantize", "tolerance"),
    [("custom", "none", 1e-5), ("builtin", "none", 1e-5), ("custom", "int8", 0.1)],
)
def test_the_trained_network(lowering, quantize, tolerance, tmp_path):
    """On tones, which no word resembles, so that scores lie between the classes."""
    folder = ROOT / "models" / "words-12"
    plan, _ = recipe.load(folder)
    model = keras.models.load_model(folder / "model.keras", compile=False)
    clips = [np.resize(tone(word, k), plan.samples) for word in ("low", "high") for k in range(8)]
    features = np.stack([plan.frontend.features(clip) for clip in clips])
    expected = model.predict(features, verbose=0)
    path = tmp_path / "m.tflite"
    path.write_bytes(
        write_metadata(
            convert(model, lowering=lowering, quantize=quantize, representative=features).data,
            {"labels": []},
        )
    )
    scores = Model(path)(features)
    np.testing.assert_allclose(scores, expected, atol=tolerance)

"""Compression of a trained model: its dense layers become Toeplitz-like ones."""

from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from kws.structured.projection import Projection, project
from kws.structured.toeplitz import ToeplitzLike

_BYTES = 4  # of a float32 weight
_RANKS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
_STEPS, _START_STEPS = 20, 40  # of refinement: in ``compress``, and to begin a training
_TOLERANCE = 1e-3
_CONVOLUTIONS = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D)


@dataclass(frozen=True)
class Row:
    """What became of one layer. ``rank`` is None where it stays dense.

    ``error`` is the relative Frobenius error of the matrix before any fine-tuning.
    """

    name: str
    units: int
    inputs: int
    rank: int | None
    parameters_before: int
    parameters_after: int
    error: float


@dataclass(frozen=True)
class Compression:
    """The compressed model, a row for each layer, and the bytes of all weights as float32."""

    model: keras.Model
    rows: list[Row]
    bytes_before: int
    bytes_after: int

    def table(self) -> str:
        """The rows and the sum as text."""
        lines = [f"{'layer':24} {'shape':>11} {'rank':>5} {'before':>9} {'after':>9} {'error':>7}"]
        for row in self.rows:
            lines.append(
                f"{row.name[:24]:24} {f'{row.units}×{row.inputs}':>11} {row.rank or 'dense':>5} "
                f"{row.parameters_before:9,} {row.parameters_after:9,} {row.error:7.1%}"
            )
        ratio = self.bytes_before / max(1, self.bytes_after)
        lines.append(f"{self.bytes_before:,} bytes → {self.bytes_after:,} bytes, {ratio:.1f}×")
        return "\n".join(lines)


def compress(
    model: keras.Model,
    rank: int | None = None,
    budget_bytes: int | None = None,
    data=None,
    epochs: int = 10,
    learning_rate: float = 1e-3,
    loss=None,
) -> Compression:
    """Replace the dense layers and 1×1 convolutions of ``model`` by Toeplitz-like projections.

    Args:
        model: a Sequential or Functional model; it is not changed.
        rank: displacement rank of every replaced layer.
        budget_bytes: instead of a rank: bytes for all weights of the model as float32. Each layer
            then gets a rank of its own, so that the projection errors are small (``choose_ranks``).
        data: for fine-tuning, what ``model.fit`` takes: a pair (x, y) of arrays or a data set.
        epochs, learning_rate: of the fine-tuning; the rate falls to zero along a cosine.
        loss: of the fine-tuning; by default the one ``model`` was compiled with.

    A layer that would not get smaller stays as it is. Raises ValueError if the model is neither
    Sequential nor Functional, has nothing to replace, or does not fit the budget.
    """
    if (rank is None) == (budget_bytes is None):
        raise ValueError("give either a rank or a budget in bytes")
    if rank is not None and rank < 1:
        raise ValueError(f"the rank must be at least 1, not {rank}")
    if data is not None and loss is None:
        loss = getattr(model, "loss", None)
        if loss is None:
            raise ValueError("fine-tuning needs a loss: compile the model or pass loss=")
    matrices = {layer: _matrix(layer) for layer in _replaceable(model)}
    if not matrices:
        raise ValueError("the model has no dense layer and no 1×1 convolution to replace")
    options = {
        layer: _projections(matrix, (rank,) if rank else _RANKS)
        for layer, matrix in matrices.items()
    }
    if rank is not None:
        projections = {layer: found[rank] for layer, found in options.items() if found}
    else:
        fixed = model.count_params() - sum(matrix.size for matrix in matrices.values())
        chosen = choose_ranks(
            {layer: matrix.shape for layer, matrix in matrices.items()},
            {layer: {r: p.error for r, p in found.items()} for layer, found in options.items()},
            budget_bytes // _BYTES - fixed,
        )
        projections = {layer: options[layer][r] for layer, r in chosen.items() if r}
    compressed = _rebuild(model, projections)
    if data is not None:
        _fine_tune(compressed, data, loss, epochs, learning_rate)
    rows = [_row(layer.name, m.shape, projections.get(layer)) for layer, m in matrices.items()]
    before, after = (_BYTES * m.count_params() for m in (model, compressed))
    return Compression(compressed, rows, before, after)


def initialise_from(network: keras.Model, trained: keras.Model) -> None:
    """Give a network the weights of a trained one of the same form, layer by layer by name.

    Where the network has a Toeplitz-like layer and the trained one a dense layer or a 1×1
    convolution, the layer becomes the projection of its rank. Raises ValueError that names a layer
    for which the trained network has nothing that fits.
    """
    known = {layer.name: layer for layer in trained.layers}
    for layer in network.layers:
        if not layer.weights:
            continue
        old = known.get(layer.name)
        if old and [w.shape for w in old.weights] == [w.shape for w in layer.weights]:
            layer.set_weights(old.get_weights())
        elif isinstance(layer, ToeplitzLike) and old and _is_replaceable(old):
            matrix = _matrix(old)
            if (layer.units, layer.use_bias) != (len(matrix), old.use_bias):
                raise ValueError(f"layer {layer.name!r} is not as wide as the trained network's")
            _assign(layer, project(matrix, layer.rank, _START_STEPS, _TOLERANCE), old)
        else:
            raise ValueError(f"layer {layer.name!r} cannot begin as one of the trained network's")


def choose_ranks(shapes: dict, errors: dict, budget: int) -> dict:
    """A rank for each layer, None for dense, with at most ``budget`` parameters in all.

    Args:
        shapes: (units, inputs) of each layer, under any key.
        errors: under the same keys, the relative error at each rank on offer.

    Starts from the smallest choice everywhere. Then it takes, again and again, the step that lowers
    the sum of squared errors most for each parameter, as long as it fits. Raises ValueError if the
    smallest choices do not fit.
    """
    choices = {}
    for name, (units, inputs) in shapes.items():
        sizes = {None: (units * inputs, 0.0)}
        sizes |= {r: (2 * r * max(units, inputs), e**2) for r, e in errors[name].items()}
        choices[name] = sizes
    chosen = {name: min(sizes, key=lambda r: sizes[r][0]) for name, sizes in choices.items()}
    used = sum(choices[name][r][0] for name, r in chosen.items())
    if used > budget:
        missing = _BYTES * (used - budget)
        raise ValueError(f"the budget is too small for the model: give {missing:,} bytes more")
    while True:
        best, best_gain = None, 0.0
        for name, sizes in choices.items():
            size, error = sizes[chosen[name]]
            for r, (other_size, other_error) in sizes.items():
                if size < other_size <= size + budget - used and other_error < error:
                    gain = (error - other_error) / (other_size - size)
                    if gain > best_gain:
                        best, best_gain = (name, r), gain
        if best is None:
            return chosen
        name, r = best
        used += choices[name][r][0] - choices[name][chosen[name]][0]
        chosen[name] = r


def _replaceable(model):
    """Dense layers and 1×1 convolutions, also within nested models."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _replaceable(layer)
        elif _is_replaceable(layer):
            yield layer


def _is_replaceable(layer) -> bool:
    return type(layer) is keras.layers.Dense or (
        type(layer) in _CONVOLUTIONS
        and set(layer.kernel_size) | set(layer.strides) | {layer.groups} == {1}
        and layer.data_format == "channels_last"
    )


def _matrix(layer) -> np.ndarray:
    """The layer's matrix, (units, inputs)."""
    kernel = ops.convert_to_numpy(layer.kernel)
    return kernel.reshape(kernel.shape[-2:]).T.astype(float)


def _projections(matrix, ranks) -> dict[int, Projection]:
    """Projections of one layer, for the ranks that make it smaller."""
    n = max(matrix.shape)
    return {r: project(matrix, r, _STEPS, _TOLERANCE) for r in ranks if 2 * r * n < matrix.size}


def _rebuild(model, projections: dict) -> keras.Model:
    """A copy of the model with ToeplitzLike layers for the keys of ``projections``."""

    def clone(layer):
        if layer not in projections:
            return layer.__class__.from_config(layer.get_config())
        return ToeplitzLike(
            layer.units if isinstance(layer, keras.layers.Dense) else layer.filters,
            rank=len(projections[layer].g),
            activation=layer.activation,
            use_bias=layer.use_bias,
            bias_regularizer=layer.bias_regularizer,
            activity_regularizer=layer.activity_regularizer,
            trainable=layer.trainable,
            dtype=layer.dtype_policy,
            name=layer.name,
        )

    try:
        compressed = keras.models.clone_model(model, clone_function=clone, recursive=True)
    except ValueError as error:
        raise ValueError("only Sequential and Functional models can be compressed") from error
    _copy_weights(model, compressed, projections)
    return compressed


def _copy_weights(model, compressed, projections: dict) -> None:
    for old, new in zip(model.layers, compressed.layers, strict=True):
        if isinstance(old, keras.Model):
            _copy_weights(old, new, projections)
        elif old in projections:
            _assign(new, projections[old], old)
        else:
            new.set_weights(old.get_weights())


def _assign(layer: ToeplitzLike, projection: Projection, old) -> None:
    """Give a layer the projection of an old one, and its bias."""
    layer.g.assign(projection.g)
    layer.h.assign(projection.h)
    if old.use_bias:
        # A copy: JAX gives an array's memory away when a training step replaces it.
        layer.bias.assign(np.array(old.bias))


def _fine_tune(model, data, loss, epochs, learning_rate) -> None:
    x, y = data if isinstance(data, tuple) else (data, None)
    batch_size = None if y is None else 32
    batches = len(x) if y is None else -(-len(x) // batch_size)
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, epochs * batches)
    model.compile(
        keras.optimizers.Adam(schedule),
        loss,
        # XLA has no fast depthwise convolution on a CPU, and such layers are often beside ours.
        jit_compile=keras.backend.backend() != "tensorflow",
    )
    model.fit(x, y, batch_size=batch_size, epochs=epochs, verbose=0)


def _row(name: str, shape: tuple[int, int], projection: Projection | None) -> Row:
    size = shape[0] * shape[1]
    if projection is None:
        return Row(name, *shape, None, size, size, 0.0)
    rank, n = projection.g.shape
    return Row(name, *shape, rank, size, 2 * rank * n, projection.error)

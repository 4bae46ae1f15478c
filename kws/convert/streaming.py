"""A network over a whole window becomes one that keeps its past and computes only what is new.

A temporal network without padding is shift-invariant: when the window moves on by a step, all but
the last elements of every layer were computed before. The streaming network takes the frames that
are new and, for each layer that looks back, what it still needs of the past; it gives the scores
of the window that ends now, and the past for the next call. (Rybakov et al. 2020, "Streaming
keyword spotting on mobile devices", with states outside the network.)
"""

import math
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers, ops

from kws.networks.layers import BatchNorm
from kws.structured.base import StructuredDense
from kws.utils.errors import KwsError

# Layers that treat each step by itself, and layers that see a few steps at a time.
_POINTWISE = (
    StructuredDense,
    layers.Activation,
    layers.Add,
    BatchNorm,
    layers.BatchNormalization,
    layers.Dense,
    layers.Dropout,
    layers.Multiply,
    layers.ReLU,
    layers.Softmax,
)
_SLIDING = (
    layers.AveragePooling2D,
    layers.Conv1D,
    layers.Conv2D,
    layers.DepthwiseConv1D,
    layers.DepthwiseConv2D,
    layers.MaxPooling2D,
)
_CROPPING = (layers.Cropping1D, layers.Cropping2D)
_POOLING = (layers.GlobalAveragePooling1D, layers.GlobalAveragePooling2D)


def streaming_model(model: keras.Model, frames: int | None = None) -> keras.Model:
    """The streaming form of a network (batch, window, bands) -> (batch, labels).

    frames: how many are new in a call, a multiple of ``least_frames(model)``, the default.

    Its inputs are ``features`` (batch, frames, bands) and the states; its outputs the scores and
    the states for the next call, in the same order and shapes. Begun with zeros and fed at least
    a window of frames, it gives exactly the scores of the last window. The layers are the model's
    own. Raises KwsError if a layer needs the whole window, or frames does not fit.
    """
    least = least_frames(model)
    frames = frames or least
    _, window, bands = model.input_shape
    if frames < 1 or frames % least or frames > window:
        raise KwsError(
            f"this network streams in steps of {least} frames or a multiple, not of {frames}", 2
        )
    features = layers.Input((frames, bands), name="features")
    walk = _Walk(frames)
    scores = model._run_through_graph(_Part(features, window, 1), call_fn=walk)
    inputs, outputs = [features, *walk.before], [scores.new, *walk.after]
    return keras.Model(inputs, outputs, name=f"{model.name}_stream")


def least_frames(model: keras.Model) -> int:
    """The fewest frames by which a network's window can move on: its strides, multiplied.

    Raises KwsError if the network cannot stream.
    """
    if len(model.inputs) != 1 or len(model.input_shape) != 3:
        raise KwsError("only a network (batch, frames, bands) -> (batch, labels) can stream", 2)
    walk = _Walk(None)
    scores = model._run_through_graph(_Part(None, model.input_shape[1], 1), call_fn=walk)
    if scores.length:
        raise KwsError("this network cannot stream: its scores still have a time axis", 2)
    return walk.rate


def frames_nearest(model: keras.Model, frames: float) -> int:
    """The step nearest to so many frames that ``streaming_model`` takes."""
    least = least_frames(model)
    return least * max(1, round(frames / least))


def can_stream(model: keras.Model) -> bool:
    """Whether ``streaming_model`` takes this network."""
    try:
        return least_frames(model) <= model.input_shape[1]
    except KwsError:
        return False


@dataclass
class _Part:
    """The newest elements of what is one tensor in the whole-window network.

    length: its elements in a window, 0 once they are pooled. rate: frames an element.
    """

    new: Any
    length: int
    rate: int


class _Walk:
    """Calls the network's layers one by one, on new elements instead of whole windows.

    frames: new in a call; None to find only what the layers' strides are together.
    """

    def __init__(self, frames: int | None):
        self._frames = frames
        self.rate = 1
        self.before: list = []
        self.after: list = []

    def __call__(self, layer, *arguments, **options) -> _Part:
        parts = keras.tree.flatten(arguments)
        part = parts[0]
        if any((other.length, other.rate) != (part.length, part.rate) for other in parts):
            raise _refusal(layer, "joins tensors of different lengths")
        if not part.length or _is(layer, _POINTWISE):
            news = keras.tree.map_structure(lambda each: each.new, arguments)
            return self._part(lambda: layer(*news, **options), part.length, part.rate)
        if isinstance(layer, layers.Reshape):
            return self._stack(layer, part)
        if _is(layer, _CROPPING):
            cropped = layer.cropping if layer.__class__ is layers.Cropping1D else layer.cropping[1]
            before, after = cropped
            length = part.length - before - after
            count = self._count(part.rate)
            return self._part(
                lambda: self._recent(part, part.length - after - count, after), length, part.rate
            )
        if _is(layer, _SLIDING):
            return self._slide(layer, part)
        if _is(layer, _POOLING):
            return self._part(lambda: layer(self._recent(part, 0, 0)), 0, part.rate)
        raise _refusal(layer, f"a {type(layer).__name__} needs the whole window")

    def _part(self, new, length: int, rate: int) -> _Part:
        self.rate = math.lcm(self.rate, rate)
        return _Part(None if self._frames is None else new(), length, rate)

    def _count(self, rate: int) -> int:
        """How many elements are new in a call."""
        return (self._frames or 0) // rate

    def _stack(self, layer, part: _Part) -> _Part:
        """Some steps are joined into one."""
        *ones, length, channels = layer.target_shape
        if any(one != 1 for one in ones) or part.length % length:
            raise _refusal(layer, f"makes {layer.target_shape} of {part.length} steps")
        rate = part.rate * (part.length // length)
        shape = (*ones, self._count(rate), channels)
        return self._part(lambda: layers.Reshape(shape)(part.new), length, rate)

    def _slide(self, layer, part: _Part) -> _Part:
        pools = isinstance(layer, layers.AveragePooling2D | layers.MaxPooling2D)
        kernel = _along_time(layer.pool_size if pools else layer.kernel_size)
        dilation = 1 if pools else _along_time(layer.dilation_rate)
        span, stride = (kernel - 1) * dilation + 1, _along_time(layer.strides)
        if span > 1 and layer.padding != "valid":
            raise _refusal(layer, f"pads its window (padding {layer.padding!r}, not 'valid')")
        length = (part.length - span) // stride + 1
        rate = part.rate * stride
        first = (length - self._count(rate)) * stride
        unused = part.length - (length - 1) * stride - span
        return self._part(lambda: layer(self._recent(part, first, unused)), length, rate)

    def _recent(self, part: _Part, first: int, unused: int):
        """The elements from ``first`` on of a window, but for ``unused`` ones at its end.

        What is older than this call is kept in a state.
        """
        count = self._count(part.rate)
        kept = part.length - count - first
        if kept <= 0:
            return _cut(part.new, -kept, count - unused)
        past = layers.Input((*part.new.shape[1:-2], kept, part.new.shape[-1]))
        whole = ops.concatenate([past, part.new], axis=-2)
        self.before.append(past)
        # Where one of the two sides has all the numbers, they are not taken from ``whole``.
        after = (whole, count, count + kept) if kept > count else (part.new, count - kept, count)
        self.after.append(_cut(*after))
        end = kept + count - unused
        return _cut(past, 0, end) if end <= kept else _cut(whole, 0, end)


def _cut(x, start: int, end: int):
    """Elements of the time axis, the last but one."""
    if (start, end) == (0, x.shape[-2]):
        return x
    return x[..., start:end, :]


def _is(layer, kinds: tuple) -> bool:
    """Whether a layer is of one of these kinds; convolutions with a kind of their own are not."""
    if isinstance(layer, StructuredDense):
        return StructuredDense in kinds
    return type(layer) in kinds


def _along_time(sizes):
    """A layer's setting for the last of the axes that it slides over; the others have one row."""
    return sizes[-1] if isinstance(sizes, tuple | list) else sizes


def _refusal(layer, why: str) -> KwsError:
    return KwsError(f"this network cannot stream: layer {layer.name!r} {why}", 2)

"""The keys of a recipe's [network]."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from kws.utils.errors import KwsError

# The module of kws.networks that builds each family.
FAMILIES = {
    "temporal": "temporal",
    "encoder": "encoder",
    "separable": "ds_cnn",
    "paper": "paper",
    "dnn": "dnn",
    "ds-cnn": "ds_cnn",
    "tc-resnet": "tc_resnet",
    "bc-resnet": "bc_resnet",
}
BODIES = ("temporal", "ds-cnn")
# As in kws.structured.registry, which needs Keras.
STRUCTURES = (
    *("dense", "toeplitz", "hankel", "toeplitz_hankel", "vandermonde", "cauchy", "ldr_sd"),
    *("circulant", "skew_circulant", "plain_toeplitz", "low_rank", "fastfood", "hashed", "edges"),
)

_Positive = Annotated[int, Meta(ge=1)]


@dataclass(frozen=True)
class Network:
    """A network of one of the FAMILIES. Each family uses some of the keys.

    temporal: ``stack`` frames are joined into one step; then a stem and ``blocks`` residual blocks,
    each a channel mix to ``channels`` and a filter of ``kernel`` steps in time. ``stride``: of the
    stem's filter. ``structure``, ``rank``: of the mixes ("dense" has no rank).

    encoder: an encoder with the body "temporal" or "ds-cnn", which has the keys of that family, and
    a head on its vectors: ``bottleneck`` units, then twice as many.

    ds-cnn: ``channels`` and ``blocks`` (DS-CNN-S: 64, 4). separable: the same with mixes of that
    ``structure`` and ``rank``.

    paper: ``structure`` and ``rank`` of its hidden layer. dnn: ``blocks`` hidden layers of
    ``channels``. tc-resnet, bc-resnet: ``channels`` as a scale (TC-ResNet8: 16; BC-ResNet-1: 8).

    ``dropout``: the rate, in all families but the encoder. Raises KwsError if a family, body or
    structure is unknown.
    """

    family: str = "temporal"
    stack: _Positive = 2
    channels: _Positive = 96
    blocks: Annotated[int, Meta(ge=0)] = 5
    kernel: _Positive = 5
    stride: _Positive = 1
    structure: str = "toeplitz"
    rank: _Positive = 4
    body: str = "temporal"
    bottleneck: _Positive = 24
    dropout: float = 0.1

    def __post_init__(self) -> None:
        choices = {"family": FAMILIES, "body": BODIES, "structure": STRUCTURES}
        for key, known in choices.items():
            value = getattr(self, key)
            if value not in known:
                raise KwsError(f"network: {key} = {value!r}; use one of {', '.join(known)}", 2)

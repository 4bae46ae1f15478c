"""What a recipe's [network] says."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from kws.utils.errors import KwsError

STRUCTURES = (
    *("dense", "toeplitz", "hankel", "toeplitz_hankel", "vandermonde", "cauchy", "ldr_sd"),
    *("circulant", "skew_circulant", "plain_toeplitz", "low_rank", "fastfood", "hashed", "edges"),
)
FAMILIES = ("temporal", "encoder", "separable", "paper", "dnn", "ds-cnn", "tc-resnet", "bc-resnet")
BODIES = ("temporal", "ds-cnn")

_Positive = Annotated[int, Meta(ge=1)]


@dataclass(frozen=True)
class Network:
    """One of the families of ``kws.networks``.

    temporal: ``stack`` frames are joined into one step; then a stem and ``blocks`` residual blocks,
    each a channel mix to ``channels`` and a filter of ``kernel`` steps in time. stride: of the
    stem's filter. structure, rank: of the mixes ("dense" has no rank).

    encoder: an encoder with the body "temporal" or "ds-cnn", the keys as for these, and a head on
    its vectors: ``bottleneck`` units, then twice as many (``kws.networks.encoder``).

    paper: structure and rank of its hidden layer.

    separable: ds-cnn with mixes of that structure and rank.

    dnn: ``blocks`` hidden layers of ``channels``. ds-cnn: ``channels``, ``blocks`` (DS-CNN-S: 64,
    4). tc-resnet, bc-resnet: ``channels`` as a scale (TC-ResNet8: 16; BC-ResNet-1: 8).
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

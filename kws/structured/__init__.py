"""Structured transforms: layers with low displacement rank for Keras 3.

Every layer acts on the last axis like ``keras.layers.Dense``; on a channels-last feature map
that is a 1×1 convolution. ``compress`` replaces the dense layers of a trained model.
docs/structured.md says how to choose a layer. Nothing else of kws is needed.
"""

from kws.structured.baselines import Fastfood, Hashed, LowRank, RandomEdges, Unstructured
from kws.structured.compression import Compression, compress
from kws.structured.toeplitz import (
    Circulant,
    HankelLike,
    LearnedShiftLike,
    SkewCirculant,
    Toeplitz,
    ToeplitzHankelLike,
    ToeplitzLike,
)
from kws.structured.vandermonde import CauchyLike, VandermondeLike

__all__ = [
    "CauchyLike",
    "Circulant",
    "Compression",
    "Fastfood",
    "HankelLike",
    "Hashed",
    "LearnedShiftLike",
    "LowRank",
    "RandomEdges",
    "SkewCirculant",
    "Toeplitz",
    "ToeplitzHankelLike",
    "ToeplitzLike",
    "Unstructured",
    "VandermondeLike",
    "compress",
]

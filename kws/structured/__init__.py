"""Structured transforms: layers with low displacement rank for Keras 3.

Every layer acts on the last axis like ``keras.layers.Dense``; on a channels-last feature map
that is a 1×1 convolution. ``docs/structured.md`` says how to choose one.
"""

from kws.structured.cauchy_like import CauchyLike
from kws.structured.circulant import Circulant, SkewCirculant
from kws.structured.compression import Compression, compress, compress_file
from kws.structured.fastfood import Fastfood
from kws.structured.hankel_like import HankelLike
from kws.structured.hashed import Hashed
from kws.structured.ldr_sd import LearnedShiftLike
from kws.structured.low_rank import LowRank
from kws.structured.random_edges import RandomEdges
from kws.structured.toeplitz import Toeplitz
from kws.structured.toeplitz_hankel_like import ToeplitzHankelLike
from kws.structured.toeplitz_like import ToeplitzLike
from kws.structured.unstructured import Unstructured
from kws.structured.vandermonde_like import VandermondeLike

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
    "compress_file",
]

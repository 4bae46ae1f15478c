"""Structured layers by the names that recipes give them."""

from keras import layers

from kws import structured

# Layers with a rank.
_RANKED = {
    "toeplitz": structured.ToeplitzLike,
    "hankel": structured.HankelLike,
    "toeplitz_hankel": structured.ToeplitzHankelLike,
    "vandermonde": structured.VandermondeLike,
    "cauchy": structured.CauchyLike,
    "ldr_sd": structured.LearnedShiftLike,
    "low_rank": structured.LowRank,
}
# Layers whose number of parameters follows from their size.
_FIXED = {
    "dense": layers.Dense,
    "circulant": structured.Circulant,
    "skew_circulant": structured.SkewCirculant,
    "plain_toeplitz": structured.Toeplitz,
    "fastfood": structured.Fastfood,
}
# Layers whose number of parameters is free.
_COUNTED = {"hashed": structured.Hashed, "edges": structured.RandomEdges}

STRUCTURES = (*_RANKED, *_FIXED, *_COUNTED)


def structured_layer(structure: str, inputs: int, units: int, rank: int, **kwargs) -> layers.Layer:
    """A layer (…, inputs) -> (…, units). ``structure`` is one of STRUCTURES.

    rank: of the layers that have one; "hashed" and "edges" get as many weights as a Toeplitz-like
    layer of that rank. kwargs: as of ``keras.layers.Dense``. Raises KeyError for another structure.
    """
    if structure in _RANKED:
        return _RANKED[structure](units, rank, **kwargs)
    if structure in _FIXED:
        return _FIXED[structure](units, **kwargs)
    return _COUNTED[structure](units, 2 * rank * max(inputs, units), **kwargs)

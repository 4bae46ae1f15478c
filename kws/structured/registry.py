"""Structured layers by the names that recipes give them."""

from keras import layers

from kws import structured

# Families whose number of parameters is set by a displacement (or plain) rank.
_RANKED = {
    "toeplitz": structured.ToeplitzLike,
    "hankel": structured.HankelLike,
    "toeplitz_hankel": structured.ToeplitzHankelLike,
    "vandermonde": structured.VandermondeLike,
    "cauchy": structured.CauchyLike,
    "ldr_sd": structured.LearnedShiftLike,
    "low_rank": structured.LowRank,
}
_FIXED = {
    "circulant": structured.Circulant,
    "skew_circulant": structured.SkewCirculant,
    "plain_toeplitz": structured.Toeplitz,
    "fastfood": structured.Fastfood,
}


STRUCTURES = ("dense", *_RANKED, *_FIXED, "hashed", "edges")


def structured_layer(structure: str, inputs: int, units: int, rank: int, **kwargs) -> layers.Layer:
    """A layer (…, inputs) -> (…, units). ``structure`` is one of STRUCTURES.

    rank: of the ranked families; "hashed" and "edges" get as many weights as a Toeplitz-like
    layer of that rank. kwargs: as of ``keras.layers.Dense``.
    """
    if structure == "dense":
        return layers.Dense(units, **kwargs)
    if structure in _RANKED:
        return _RANKED[structure](units, rank, **kwargs)
    if structure in _FIXED:
        return _FIXED[structure](units, **kwargs)
    weights = 2 * rank * max(inputs, units)
    if structure == "hashed":
        return structured.Hashed(units, weights, **kwargs)
    return structured.RandomEdges(units, weights, **kwargs)

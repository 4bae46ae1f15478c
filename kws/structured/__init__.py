"""Structured transforms: layers with low displacement rank for Keras 3."""

from kws.structured.toeplitz_like import ToeplitzLike

__all__ = ["ToeplitzLike"]

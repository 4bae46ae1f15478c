"""Log-mel features: their definition in NumPy, as a Keras layer, and in the device's C."""

from kws.frontend.log_mel import FeatureStream, FrontEnd

__all__ = ["FeatureStream", "FrontEnd"]

"""Log-mel features: one description (``log_mel``), as a Keras layer, and from the device's C."""

from kws.frontend.log_mel import FeatureStream, FrontEnd

__all__ = ["FeatureStream", "FrontEnd"]

"""Running a model file: scores of features (``model``), detections in a stream (``detector``)."""

from kws.runtime.detector import Detection, Detector
from kws.runtime.model import Model

__all__ = ["Detection", "Detector", "Model"]

"""Draw the README's picture: bundled clips joined over noise, and what a model hears in them.

python docs/figures/draw_detection.py models/quickstart/custom.tflite docs/figures/detection.png
"""

import sys
from pathlib import Path

import numpy as np

from kws.datasets import clips
from kws.datasets.noise import Noise
from kws.evaluation.streams import join_clips
from kws.report.figures import detection_figure, save
from kws.runtime.detector import Detector
from kws.runtime.model import Model

WORDS = ["left", "go", "right", "up", "down"]


def main(model_path: str, picture: str) -> None:
    rng = np.random.default_rng(4)
    found = [c for c in clips.scan("data/quickstart") if c.split == "validation"]
    chosen = [
        next(c for c in rng.permutation(np.array(found, object)) if c.word == word)
        for word in WORDS
    ]
    recording, _ = join_clips(chosen, Noise(), rng, pauses=(0.4, 0.8))
    model = Model(model_path)
    detector = Detector(model, trace=True)
    detections = detector.feed(recording) + detector.finish()
    features = model.frontend.features(recording)
    hop = model.frontend.hop_ms / 1000
    figure = detection_figure(features, hop, detector.trace, model.labels, detections)
    save(figure, Path(picture))


if __name__ == "__main__":
    main(*sys.argv[1:])

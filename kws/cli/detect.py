"""``kws detect``: keywords in audio files."""

import json
import sys
from pathlib import Path

from kws.cli.common import probability, refuse_overwriting
from kws.utils.errors import KwsError


def register(command) -> None:
    sub = command(
        "detect",
        run,
        "find keywords in audio files",
        "kws detect models/words-12/stream.tflite talk.wav --picture talk.png",
    )
    sub.add_argument("model", type=Path)
    sub.add_argument("files", type=Path, nargs="+", metavar="FILE")
    sub.add_argument(
        "--threshold",
        type=probability,
        help="of every keyword, 0 to 1 (default: as the model file says, else 0.7)",
    )
    sub.add_argument("--json", action="store_true", help="print a JSON object a line")
    sub.add_argument("--picture", type=Path, metavar="FILE", help="draw spectrum and scores")
    sub.add_argument("--force", action="store_true", help="replace the picture if it is there")


def run(options) -> None:
    import numpy as np

    from kws import audio
    from kws.report.figures import detection_picture
    from kws.runtime.detector import Detector
    from kws.runtime.model import Model

    if options.picture and len(options.files) > 1:
        raise KwsError("--picture draws one file; give one", 2)
    refuse_overwriting(options.picture, options.force)
    model = Model(options.model)
    for path in options.files:
        if note := audio.describe(path):
            print(f"kws: {note}", file=sys.stderr)
        detector = Detector(model, options.threshold, trace=bool(options.picture))
        found = []
        for block in audio.blocks(path):
            found += _print_detections(detector.feed(block), path, options)
        found += _print_detections(detector.finish(), path, options)
        if options.picture:
            features = model.frontend.features(np.concatenate(list(audio.blocks(path))))
            hop = model.frontend.hop_ms / 1000
            detection_picture(features, hop, detector.trace, model.labels, found, options.picture)


def _print_detections(detections, path: Path, options) -> list:
    for d in detections:
        if options.json:
            line = {"file": str(path), "time": d.time, "keyword": d.keyword}
            print(json.dumps({**line, "score": d.score, "decided": d.decided}))
        else:
            name = f"{path}  " if len(options.files) > 1 else ""
            print(f"{name}{d.time:9.2f} s  {d.keyword:<12} {d.score:.2f}")
    return detections

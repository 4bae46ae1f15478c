"""``kws detect``, ``kws listen``, ``kws serve``: keywords in files, live, and over the network."""

import json
from dataclasses import asdict
from pathlib import Path

from kws.cli.common import add_threshold_option, refuse_overwriting
from kws.utils.errors import KwsError


def register(command) -> None:
    _register_detect(command)
    _register_listen(command)
    _register_serve(command)


def _register_detect(command) -> None:
    sub = command(
        "detect",
        _detect,
        "find keywords in audio files",
        "kws detect models/words-12/stream.tflite talk.wav --picture talk.png",
    )
    sub.add_argument("model", type=Path)
    sub.add_argument("files", type=Path, nargs="+", metavar="FILE")
    add_threshold_option(sub)
    sub.add_argument("--json", action="store_true", help="print a JSON object a line")
    sub.add_argument("--picture", type=Path, metavar="FILE", help="draw spectrum and scores")
    sub.add_argument("--force", action="store_true", help="replace the picture if it is there")


def _detect(options) -> None:
    import numpy as np

    from kws import audio
    from kws.runtime import Detector, Model
    from kws.utils.console import note

    if options.picture and len(options.files) > 1:
        raise KwsError("--picture draws one file; give one", 2)
    refuse_overwriting(options.picture, force=options.force)
    model = Model(options.model)
    for path in options.files:
        if changed := audio.describe(path):
            note(changed)
        detector = Detector(model, options.threshold, trace=bool(options.picture))
        found = []
        for block in audio.blocks(path):
            found += _print_detections(detector.feed(block), path, options)
        found += _print_detections(detector.finish(), path, options)
        if options.picture:
            from kws.report.figures import detection_figure, save

            features = model.frontend.features(np.concatenate(list(audio.blocks(path))))
            hop = model.frontend.hop_ms / 1000
            figure = detection_figure(features, hop, detector.trace, model.labels, found)
            save(figure, options.picture)


def _print_detections(detections, path: Path, options) -> list:
    for detection in detections:
        if options.json:
            print(json.dumps({"file": str(path), **asdict(detection)}))
        else:
            print(f"{path}  {detection}" if len(options.files) > 1 else detection)
    return detections


def _register_listen(command) -> None:
    sub = command(
        "listen",
        _listen,
        "spot keywords from the microphone, or from raw PCM on standard input",
        "kws listen models/words-12/stream.tflite\n"
        "  sox talk.wav -t raw -r 16000 -c 1 -e signed -b 16 - | kws listen MODEL -",
    )
    sub.add_argument("model", type=Path)
    sub.add_argument("source", nargs="?", choices=["-"], help="- reads 16-bit 16 kHz mono PCM")
    sub.add_argument("--device", help="microphone, by name or number")
    add_threshold_option(sub)
    sub.add_argument("--json", action="store_true", help="print a JSON object a detection")


def _listen(options) -> None:
    from kws import audio
    from kws.runtime import Detector, Model
    from kws.runtime.listen import listen

    detector = Detector(Model(options.model), options.threshold)
    live = options.source != "-"
    source = audio.microphone(device=options.device) if live else audio.raw_blocks()
    listen(detector, source, as_json=options.json)


def _register_serve(command) -> None:
    sub = command(
        "serve",
        _serve,
        "be a wake-word engine for Home Assistant, over the Wyoming protocol",
        "kws serve --model models/alexa/stream.tflite --uri tcp://0.0.0.0:10400",
    )
    sub.add_argument("--model", type=Path, nargs="+", required=True, metavar="FILE")
    sub.add_argument(
        "--uri",
        default="tcp://127.0.0.1:10400",
        help="tcp://HOST:PORT, unix://FILE or stdio:// (default tcp://127.0.0.1:10400: only "
        "this machine can connect)",
    )


def _serve(options) -> None:
    import asyncio

    try:
        from kws.runtime.serve import serve
    except ImportError as error:
        raise KwsError('serving needs wyoming: pip install "kws[serve]"') from error
    from kws.runtime import Model
    from kws.utils.console import note

    models = [Model(path) for path in options.model]
    note(f"serving at {options.uri}; Ctrl-C stops")
    asyncio.run(serve(models, options.uri))

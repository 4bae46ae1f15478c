"""``kws listen``: keywords from the microphone or standard input."""

from pathlib import Path

from kws.cli.common import probability


def register(command) -> None:
    sub = command(
        "listen",
        run,
        "spot keywords from the microphone, or from raw PCM on standard input",
        "kws listen models/words-12/stream.tflite\n"
        "  sox talk.wav -t raw -r 16000 -c 1 -e signed -b 16 - | kws listen MODEL -",
    )
    sub.add_argument("model", type=Path)
    sub.add_argument("source", nargs="?", choices=["-"], help="- reads 16-bit 16 kHz mono PCM")
    sub.add_argument("--device", help="microphone, by name or number")
    sub.add_argument(
        "--threshold",
        type=probability,
        help="of every keyword, 0 to 1 (default: as the model file says, else 0.7)",
    )
    sub.add_argument("--json", action="store_true", help="print a JSON object a detection")


def run(options) -> None:
    from kws import audio
    from kws.runtime.detector import Detector
    from kws.runtime.listen import listen
    from kws.runtime.model import Model

    detector = Detector(Model(options.model), options.threshold)
    source = (
        audio.raw_blocks() if options.source == "-" else audio.microphone(device=options.device)
    )
    listen(detector, source, as_json=options.json)

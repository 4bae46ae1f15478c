"""``kws new-keyword``: a wake word from its text."""

from pathlib import Path


def register(command) -> None:
    sub = command(
        "new-keyword",
        _make,
        "make a wake word's model from its text",
        'kws new-keyword "hey jarvis" --background ~/recordings/radio',
    )
    sub.add_argument("phrase", metavar="PHRASE")
    sub.add_argument("--out", type=Path, metavar="DIR", help="default runs/<phrase>")
    sub.add_argument(
        "--background",
        type=Path,
        nargs="+",
        default=[],
        metavar="DIR",
        help="recordings of speech without the phrase: the more hours, the fewer false alarms",
    )
    sub.add_argument("--noise", type=Path, metavar="DIR", help="recordings of noise")
    sub.add_argument(
        "--recordings",
        type=Path,
        metavar="DIR",
        help="the phrase said by its users: two thirds are trained with, a third is scored",
    )
    sub.add_argument(
        "--false-alarms",
        type=float,
        default=0.5,
        metavar="RATE",
        help="an hour, that the threshold is fitted to (default 0.5)",
    )
    sub.add_argument(
        "--clips", type=int, default=300, help="of the phrase by each speech engine (default 300)"
    )


def _make(options) -> None:
    from kws.synthesis.synthesize import folder_name
    from kws.wakeword.make import STREAM, make

    out = options.out or Path("runs") / folder_name(options.phrase)
    results = make(
        options.phrase,
        out,
        background=options.background,
        noise=options.noise,
        recordings=options.recordings,
        false_alarms=options.false_alarms,
        clips=options.clips,
    )
    print(f"{out / STREAM}: {results['file_bytes']:,} bytes")

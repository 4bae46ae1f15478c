"""``kws fetch``, ``kws voices``, ``kws synthesize``: where data comes from."""

from pathlib import Path

from kws.utils.console import Progress
from kws.utils.errors import KwsError


def register(command) -> None:
    sub = command(
        "synthesize",
        _synthesize,
        "make clips of words from text, by many voices",
        'kws synthesize "hey jarvis" lamp -n 150 --out clips',
    )
    sub.add_argument("words", nargs="*", metavar="WORD")
    sub.add_argument("--quickstart", action="store_true", help="remake the bundled clips")
    sub.add_argument("-n", "--count", type=int, default=150, help="clips a word (default 150)")
    sub.add_argument("--out", type=Path, required=True, metavar="DIR")
    sub.add_argument("--engine", choices=["auto", "kokoro", "espeak"], default="auto")
    sub.add_argument("--seed", type=int, default=0)

    command("voices", _voices, "fetch Kokoro's voices for 'kws synthesize'", "kws voices")

    sub = command(
        "fetch",
        _fetch,
        "fetch the data set that a card describes",
        "kws fetch data/speech_commands.toml --out data/speech_commands",
    )
    sub.add_argument("card", type=Path)
    sub.add_argument("--out", type=Path, required=True, metavar="DIR")


def _synthesize(options) -> None:
    from kws.synthesis import quickstart
    from kws.synthesis.synthesize import synthesize

    if options.quickstart == bool(options.words):
        raise KwsError("say which words to synthesise, or --quickstart for the bundled set's", 2)
    with Progress("clips") as progress:
        if options.quickstart:
            quickstart.make(options.out, progress)
        else:
            synthesize(
                options.words,
                options.count,
                options.out,
                engine=options.engine,
                seed=options.seed,
                progress=progress,
            )


def _voices(options) -> None:
    from kws.synthesis import kokoro_files

    print(kokoro_files.fetch())


def _fetch(options) -> None:
    from kws.utils.download import fetch

    with Progress("bytes") as progress:
        print(fetch(options.card, options.out, progress))

"""``kws fetch``: a public data set, by its card."""

from pathlib import Path

from kws.utils.console import Progress


def register(command) -> None:
    sub = command(
        "fetch",
        run,
        "fetch the data set that a card describes",
        "kws fetch data/speech_commands.toml --out data/speech_commands",
    )
    sub.add_argument("card", type=Path)
    sub.add_argument("--out", type=Path, required=True, metavar="DIR")


def run(options) -> None:
    from kws.utils.download import fetch

    with Progress("bytes") as progress:
        print(fetch(options.card, options.out, progress))

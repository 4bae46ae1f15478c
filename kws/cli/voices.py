"""``kws voices``: what ``kws synthesize`` speaks with."""


def register(command) -> None:
    command("voices", run, "fetch Kokoro's voices for 'kws synthesize'", "kws voices")


def run(options) -> None:
    from kws.synthesis import kokoro

    print(kokoro.fetch())

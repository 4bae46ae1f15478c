"""``kws serve``: a wake-word engine for Home Assistant."""

import sys
from pathlib import Path

from kws.utils.errors import KwsError


def register(command) -> None:
    sub = command(
        "serve",
        run,
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


def run(options) -> None:
    import asyncio

    try:
        from kws.runtime.serve import serve
    except ImportError as error:
        raise KwsError('serving needs wyoming: pip install "kws[serve]"') from error
    from kws.runtime.model import Model

    models = [Model(path) for path in options.model]
    print(f"kws: serving at {options.uri}; Ctrl-C stops", file=sys.stderr)
    asyncio.run(serve(models, options.uri))

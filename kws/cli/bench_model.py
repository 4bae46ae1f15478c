"""``kws bench model``: models side by side on this machine, a phone, a board, or ARM under QEMU."""

import argparse
import tempfile
from pathlib import Path

from kws.cli.bench import output_options
from kws.cli.common import refuse_overwriting


def register(kinds) -> None:
    parser = kinds.add_parser(
        "model",
        help="models on this machine, a phone, a board, or counted on ARM",
        epilog="example:\n  kws bench model models/words-12 --target adb --json phone.json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run_command=run)
    parser.add_argument(
        "models",
        type=Path,
        nargs="+",
        metavar="MODEL",
        help=".tflite files, folders of them, or recipes, whose networks are taken untrained",
    )
    parser.add_argument(
        "--target",
        action="append",
        metavar="TARGET",
        help="host (the default), cortex-a53, cortex-a76, ssh:HOST, adb or adb:SERIAL; repeatable",
    )
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="default 1")
    parser.add_argument("--cpu", type=int, metavar="N", help="stay on this core")
    parser.add_argument(
        "--tflite-lib",
        type=Path,
        metavar="PATH",
        help="TFLite's C library for the target (default $KWS_TFLITE_LIB, else fetched by pip)",
    )
    parser.add_argument(
        "--peers", action="store_true", help="beside microWakeWord's and openWakeWord's alexa"
    )
    parser.add_argument(
        "--keep", action="store_true", help="leave what was sent there, for the next time"
    )
    output_options(parser)


def run(options) -> None:
    from kws.benchmark.candidates import candidates, peers
    from kws.benchmark.model import QUICK_ROUNDS, ROUNDS, bench_models, table
    from kws.benchmark.targets import choose

    refuse_overwriting(options.json, options.force)
    targets = [
        choose(name, options.threads, options.cpu, options.tflite_lib, options.keep)
        for name in options.target or ["host"]
    ]
    rounds = QUICK_ROUNDS if options.quick else ROUNDS
    with tempfile.TemporaryDirectory() as folder:
        models = candidates(options.models, Path(folder))
        if options.peers:
            models += peers(Path(folder))
        print(table(bench_models(options.json, models, targets, rounds)))

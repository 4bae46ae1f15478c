"""``kws bench stream``: CPU time of listening, beside microWakeWord and openWakeWord."""

from pathlib import Path

from kws.cli.bench import output_options
from kws.cli.common import refuse_overwriting


def register(kinds) -> None:
    parser = kinds.add_parser(
        "stream", help="CPU time of listening, beside microWakeWord and openWakeWord"
    )
    parser.set_defaults(run_command=run)
    parser.add_argument("models", type=Path, nargs="+", metavar="MODEL", help=".tflite files")
    output_options(parser)


def run(options) -> None:
    from kws.benchmark.stream import bench_stream

    refuse_overwriting(options.json, options.force)
    bench_stream(options.models, options.json, quick=options.quick)

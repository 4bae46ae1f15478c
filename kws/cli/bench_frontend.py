"""``kws bench frontend``: log-mel features in C against other libraries'."""

from kws.cli.bench import output_options
from kws.cli.common import refuse_overwriting


def register(kinds) -> None:
    parser = kinds.add_parser("frontend", help="log-mel features in C against other libraries'")
    parser.set_defaults(run_command=run)
    output_options(parser)


def run(options) -> None:
    from kws.benchmark.frontend import bench_frontend

    refuse_overwriting(options.json, options.force)
    bench_frontend(options.json, quick=options.quick)

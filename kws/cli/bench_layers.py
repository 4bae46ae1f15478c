"""``kws bench layers``: structured layers in Keras against Dense."""

from kws.cli.bench import output_options
from kws.cli.common import refuse_overwriting


def register(kinds) -> None:
    parser = kinds.add_parser("layers", help="structured layers in Keras against Dense")
    parser.set_defaults(run_command=run)
    parser.add_argument("--full", action="store_true", help="every layer at every size and batch")
    output_options(parser)


def run(options) -> None:
    import os

    from kws.utils.console import load_keras

    refuse_overwriting(options.json, options.force)
    if hasattr(os, "sched_setaffinity"):
        # One core, before anything starts threads: XLA shares out operations of microseconds
        # among several, which costs small layers more time of the processor than it saves.
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    load_keras()
    from kws.benchmark.layers import bench_layers

    bench_layers(options.json, quick=options.quick, full=options.full)

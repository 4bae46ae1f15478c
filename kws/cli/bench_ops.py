"""``kws bench ops``: the op in LiteRT against dense layers, in time or in instructions."""

from pathlib import Path

from kws.cli.bench import output_options
from kws.cli.common import refuse_overwriting
from kws.utils.errors import KwsError


def register(kinds) -> None:
    parser = kinds.add_parser("ops", help="the op in LiteRT against dense float32 and int8 layers")
    parser.set_defaults(run_command=run)
    parser.add_argument(
        "--target",
        choices=["x86", "cortex-a53", "cortex-a76"],
        default="x86",
        help="x86 (the default): times on this machine; the others: instructions under QEMU",
    )
    parser.add_argument(
        "--tflite-lib",
        type=Path,
        metavar="PATH",
        help="libtensorflowlite_c.so for aarch64 (default $KWS_TFLITE_LIB, else fetched by pip)",
    )
    parser.add_argument(
        "--save-costs", action="store_true", help="export --lowering auto goes by them"
    )
    output_options(parser)


def run(options) -> None:
    from kws.benchmark import toolchain
    from kws.benchmark.instructions import bench_instructions
    from kws.benchmark.ops import bench_ops
    from kws.convert.cost_model import save_costs
    from kws.utils.console import load_keras

    refuse_overwriting(options.json, options.force)
    if options.tflite_lib and options.target == "x86":
        raise KwsError("--tflite-lib is for --target cortex-a53 or cortex-a76", 2)
    load_keras()
    if options.target == "x86":
        rows, unit = bench_ops(options.json, quick=options.quick)["rows"], "µs"
    else:
        machine = toolchain.prepare(options.tflite_lib)
        counted = bench_instructions(options.json, options.target, machine, quick=options.quick)
        rows, unit = counted["rows"], "instructions"
    if options.save_costs:
        save_costs(rows, options.target, unit)

"""``kws bench``: speed and memory, side by side in one run; a kind for each thing measured."""

import argparse
import os
import tempfile
from pathlib import Path

from kws.cli.common import refuse_overwriting
from kws.utils.errors import KwsError


def register(command) -> None:
    sub = command(
        "bench",
        None,
        "measure speed and memory, side by side in one run",
        "kws bench layers --json layers.json",
    )
    kinds = sub.add_subparsers(metavar="WHAT", required=True)

    def kind(name: str, run, help: str, **options) -> argparse.ArgumentParser:
        parser = kinds.add_parser(name, help=help, **options)
        parser.set_defaults(run_command=_checked(run))
        parser.add_argument("--json", type=Path, required=True, metavar="FILE", help="the figures")
        parser.add_argument("--quick", action="store_true", help="few cases, for a first look")
        parser.add_argument("--force", action="store_true", help="replace FILE if it is there")
        return parser

    kind("frontend", _frontend, "log-mel features in C against other libraries'")
    parser = kind("layers", _layers, "structured layers in Keras against Dense")
    parser.add_argument("--full", action="store_true", help="every layer at every size and batch")
    _add_model_options(
        kind(
            "model",
            _model,
            "models on this machine, a phone, a board, or counted on ARM",
            epilog="example:\n  kws bench model models/words-12 --target adb --json phone.json",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
    )
    parser = kind("ops", _ops, "the op in LiteRT against dense float32 and int8 layers")
    parser.add_argument(
        "--target",
        choices=["x86", "cortex-a53", "cortex-a76"],
        default="x86",
        help="x86 (the default): times on this machine; the others: instructions under QEMU",
    )
    _add_library_option(parser)
    parser.add_argument(
        "--save-costs", action="store_true", help="export --lowering auto goes by them"
    )
    parser = kind("stream", _stream, "CPU time of listening, beside microWakeWord and openWakeWord")
    parser.add_argument("models", type=Path, nargs="+", metavar="MODEL", help=".tflite files")


def _add_model_options(parser) -> None:
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
    _add_library_option(parser)
    parser.add_argument(
        "--peers", action="store_true", help="beside microWakeWord's and openWakeWord's alexa"
    )
    parser.add_argument(
        "--keep", action="store_true", help="leave what was sent there, for the next time"
    )


def _add_library_option(parser) -> None:
    parser.add_argument(
        "--tflite-lib",
        type=Path,
        metavar="PATH",
        help="TFLite's C library for the target (default $KWS_TFLITE_LIB, else fetched by pip)",
    )


def _checked(run):
    def checked(options) -> None:
        refuse_overwriting(options.json, force=options.force)
        run(options)

    return checked


def _frontend(options) -> None:
    from kws.benchmark.frontend import bench_frontend

    bench_frontend(options.json, quick=options.quick)


def _layers(options) -> None:
    from kws.utils.console import load_keras

    if hasattr(os, "sched_setaffinity"):
        # One core, before anything starts threads: XLA shares out operations of microseconds
        # among several, which costs small layers more time of the processor than it saves.
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    load_keras()
    from kws.benchmark.layers import bench_layers

    bench_layers(options.json, quick=options.quick, full=options.full)


def _model(options) -> None:
    from kws.benchmark.model import bench_models, page
    from kws.benchmark.model_files import find_models, peer_models
    from kws.benchmark.targets import choose

    targets = [
        choose(
            name,
            threads=options.threads,
            cpu=options.cpu,
            tflite=options.tflite_lib,
            keep=options.keep,
        )
        for name in options.target or ["host"]
    ]
    with tempfile.TemporaryDirectory() as folder:
        models = find_models(options.models, Path(folder))
        if options.peers:
            models += peer_models(Path(folder))
        print(page(bench_models(options.json, models, targets, quick=options.quick)))


def _ops(options) -> None:
    from kws.benchmark.emulator import prepare
    from kws.benchmark.instructions import bench_instructions
    from kws.benchmark.ops import bench_ops
    from kws.convert.cost_model import save_costs
    from kws.utils.console import load_keras

    if options.tflite_lib and options.target == "x86":
        raise KwsError("--tflite-lib is for --target cortex-a53 or cortex-a76", 2)
    load_keras()
    if options.target == "x86":
        rows, unit = bench_ops(options.json, quick=options.quick)["rows"], "µs"
    else:
        emulator = prepare(options.tflite_lib)
        counted = bench_instructions(options.json, options.target, emulator, quick=options.quick)
        rows, unit = counted["rows"], "instructions"
    if options.save_costs:
        save_costs(rows, options.target, unit)


def _stream(options) -> None:
    from kws.benchmark.stream import bench_stream

    bench_stream(options.models, options.json, quick=options.quick)

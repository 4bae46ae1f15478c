"""The command line: ``kws COMMAND``."""

import argparse
import errno
import os
import sys
import warnings
from pathlib import Path

from kws import __version__, commands
from kws.errors import KwsError


def main(arguments: list[str] | None = None) -> int:
    """Run a command; the exit code is 0 when done, 1 when the work failed, 2 for wrong use."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.filterwarnings("ignore", category=UserWarning, module="keras")
    options = _parser().parse_args(arguments)
    try:
        options.run_command(options)
    except KwsError as error:
        print(f"kws: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # the reader of our output has gone, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        print(f"kws: {_explain(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("kws: stopped", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kws",
        description="Tiny keyword spotting: train, convert, measure and run.",
        epilog="Each command has its own --help with an example.",
    )
    parser.add_argument("--version", action="version", version=f"kws {__version__}")
    actions = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, run, help: str, example: str) -> argparse.ArgumentParser:
        sub = actions.add_parser(
            name,
            help=help,
            description=help[0].upper() + help[1:] + ".",
            epilog=f"example:\n  {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        sub.set_defaults(run_command=run)
        return sub

    sub = command(
        "train",
        commands.train,
        "train a recipe, export the model and show how good it is",
        "kws train models/words-12 --data ~/speech_commands",
    )
    sub.add_argument("recipe", type=Path, help="a recipe.toml, or the folder that holds one")
    sub.add_argument("--data", type=Path, metavar="DIR", help="clips, one folder a word")
    sub.add_argument("--noise", type=Path, metavar="DIR", help="recordings of background noise")
    sub.add_argument("--run", type=Path, metavar="DIR", help="run folder (default runs/<recipe>)")
    sub.add_argument("--fresh", action="store_true", help="start anew, replacing the run folder's")
    sub.add_argument("--json", action="store_true", help="print the result as JSON")

    sub = command(
        "export",
        commands.export,
        "convert a trained run to a .tflite with labels and front end inside",
        "kws export runs/quickstart --lowering auto --quantize float16 --out small.tflite",
    )
    sub.add_argument("run", type=Path, help="a run folder of 'kws train'")
    sub.add_argument(
        "--lowering",
        choices=["custom", "builtin", "dense", "auto"],
        default="custom",
        help="custom: our op, smallest file (the default); builtin: small too, but any stock "
        "runtime runs it, slowly; dense: matrices worked out; auto: the fastest for --target",
    )
    sub.add_argument(
        "--quantize",
        choices=["none", "float16", "dynamic", "int8"],
        default="none",
        help="how weights are stored; int8 also computes with it (default none)",
    )
    sub.add_argument("--target", choices=["x86", "cortex-a53", "cortex-a76"], default="x86")
    sub.add_argument("--limit", type=int, metavar="BYTES", help="of auto: no larger file")
    sub.add_argument("--data", type=Path, metavar="DIR", help="clips that int8 measures ranges on")
    sub.add_argument("--out", type=Path, metavar="FILE", help="default RUN/<lowering>….tflite")
    sub.add_argument("--force", action="store_true", help="replace FILE if it is there")

    sub = command(
        "compress",
        commands.compress,
        "replace the dense layers of a trained Keras model by structured ones",
        "kws compress runs/words-12-dense/model.keras --budget 160000 --data clips",
    )
    sub.add_argument("model", type=Path, help="a .keras file")
    size = sub.add_mutually_exclusive_group(required=True)
    size.add_argument("--rank", type=int, help="displacement rank of every layer")
    size.add_argument("--budget", type=int, metavar="BYTES", help="for all weights as float32")
    sub.add_argument("--out", type=Path, metavar="FILE", help="default NAME.compressed.keras")
    sub.add_argument("--data", type=Path, metavar="DIR", help="clips to fine-tune on")
    sub.add_argument("--noise", type=Path, metavar="DIR", help="recordings of background noise")
    sub.add_argument("--epochs", type=int, default=10, help="of fine-tuning (default 10)")
    sub.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    sub.add_argument("--force", action="store_true", help="replace FILEs that are there")

    sub = command(
        "bench",
        None,
        "measure speed and memory, side by side in one run",
        "kws bench layers --json layers.json",
    )
    kinds = sub.add_subparsers(metavar="WHAT", required=True)
    layers = kinds.add_parser("layers", help="structured layers in Keras against Dense")
    layers.set_defaults(run_command=commands.bench_layers)
    layers.add_argument("--full", action="store_true", help="every layer at every size and batch")
    op = kinds.add_parser("ops", help="the op in LiteRT against dense float32 and int8 layers")
    op.set_defaults(run_command=commands.bench_ops)
    op.add_argument(
        "--target",
        choices=["x86", "cortex-a53", "cortex-a76"],
        default="x86",
        help="x86 (the default): times on this machine; the others: instructions under QEMU",
    )
    op.add_argument(
        "--tflite-lib",
        type=Path,
        metavar="PATH",
        help="libtensorflowlite_c.so for aarch64 (default $KWS_TFLITE_LIB, else fetched by pip)",
    )
    op.add_argument("--save-costs", action="store_true", help="export --lowering auto goes by them")
    for bench in (layers, op):
        bench.add_argument("--json", type=Path, required=True, metavar="FILE", help="the figures")
        bench.add_argument("--quick", action="store_true", help="few sizes, for a first look")
        bench.add_argument("--force", action="store_true", help="replace FILE if it is there")

    sub = command(
        "inspect",
        commands.inspect,
        "tell what is in a .tflite, layer by layer, and what dense would have cost",
        "kws inspect models/words-12/custom.tflite",
    )
    sub.add_argument("model", type=Path)
    sub.add_argument("--json", action="store_true", help="print as JSON")

    sub = command(
        "evaluate",
        commands.evaluate,
        "classify clips, one folder a label, and count what is right",
        "kws evaluate models/words-12/custom.tflite clips --split validation --json result.json",
    )
    sub.add_argument("model", type=Path)
    sub.add_argument("folder", type=Path, help="clips in any audio format, one folder a label")
    sub.add_argument("--split", choices=["training", "validation", "testing"])
    sub.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    sub.add_argument("--picture", type=Path, metavar="FILE", help="draw the confusion matrix")
    sub.add_argument("--force", action="store_true", help="replace FILEs that are there")

    sub = command(
        "detect",
        commands.detect,
        "find keywords in audio files",
        "kws detect models/words-12/custom.tflite talk.wav --picture talk.png",
    )
    sub.add_argument("model", type=Path)
    sub.add_argument("files", type=Path, nargs="+", metavar="FILE")
    sub.add_argument("--threshold", type=_probability, default=0.7, help="0 to 1 (default 0.7)")
    sub.add_argument("--json", action="store_true", help="print a JSON object a line")
    sub.add_argument("--picture", type=Path, metavar="FILE", help="draw spectrum and scores")
    sub.add_argument("--force", action="store_true", help="replace the picture if it is there")

    sub = command(
        "listen",
        commands.listen,
        "spot keywords from the microphone, or from raw PCM on standard input",
        "kws listen models/words-12/custom.tflite\n"
        "  sox talk.wav -t raw -r 16000 -c 1 -e signed -b 16 - | kws listen MODEL -",
    )
    sub.add_argument("model", type=Path)
    sub.add_argument("source", nargs="?", choices=["-"], help="- reads 16-bit 16 kHz mono PCM")
    sub.add_argument("--device", help="microphone, by name or number")
    sub.add_argument("--threshold", type=_probability, default=0.7, help="0 to 1 (default 0.7)")
    sub.add_argument("--json", action="store_true", help="print a JSON object a detection")

    sub = command(
        "synthesize",
        commands.synthesize,
        "make clips of words from text, by many voices",
        'kws synthesize "hey jarvis" lamp -n 150 --out clips',
    )
    sub.add_argument("words", nargs="*", metavar="WORD")
    sub.add_argument("--quickstart", action="store_true", help="remake the bundled clips")
    sub.add_argument("-n", "--count", type=int, default=150, help="clips a word (default 150)")
    sub.add_argument("--out", type=Path, required=True, metavar="DIR")
    sub.add_argument("--engine", choices=["auto", "kokoro", "espeak"], default="auto")
    sub.add_argument("--seed", type=int, default=0)

    command("voices", commands.voices, "fetch Kokoro's voices for 'kws synthesize'", "kws voices")

    sub = command(
        "fetch",
        commands.fetch,
        "fetch the data set that a card describes",
        "kws fetch data/speech_commands.toml --out data/speech_commands",
    )
    sub.add_argument("card", type=Path)
    sub.add_argument("--out", type=Path, required=True, metavar="DIR")
    return parser


def _explain(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"{where}no room left to write; make room and run the command again to go on"
    return f"{where}{error.strerror or error}"


def _probability(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("must be between 0 and 1")
    return value


if __name__ == "__main__":
    sys.exit(main())

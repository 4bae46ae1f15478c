"""The command line: ``kws COMMAND``."""

import argparse
import errno
import importlib
import os
import sys
import warnings

from kws import __version__
from kws.utils.errors import KwsError

# In the order of ``kws --help``; each is a module of this package, with one or more commands.
MODULES = ["train", "bench", "inspect", "study", "evaluate", "detect", "new_keyword", "data"]


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

    for name in MODULES:
        importlib.import_module(f"kws.cli.{name}").register(command)
    return parser


def _explain(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"{where}no room left to write; make room and run the command again to go on"
    return f"{where}{error.strerror or error}"

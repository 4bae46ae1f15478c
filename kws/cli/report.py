"""``kws report``: results on one page."""

from pathlib import Path

from kws.cli.common import refuse_overwriting


def register(command) -> None:
    sub = command(
        "report",
        run,
        "put the results of several models on one page",
        "kws report models/alexa microwakeword.json docs/results/device.json --out report.html",
    )
    sub.add_argument(
        "results",
        type=Path,
        nargs="+",
        metavar="MODEL",
        help="a model or its folder, for all results beside it; or a results file of kws score, "
        "evaluate or bench",
    )
    sub.add_argument("--out", type=Path, default=Path("report.html"), metavar="FILE")
    sub.add_argument("--png", type=Path, metavar="DIR", help="put the pictures there too")
    sub.add_argument("--force", action="store_true", help="replace FILE if it is there")


def run(options) -> None:
    from kws.utils.errors import KwsError

    refuse_overwriting(options.out, options.force)
    try:
        from kws.report.page import write_report
    except ImportError as error:
        raise KwsError('reports need jinja2 and matplotlib: pip install "kws[score]"') from error
    write_report(options.results, options.out, options.png)
    print(options.out)

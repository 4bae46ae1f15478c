"""``kws evaluate``, ``kws score``, ``kws report``: how good models are."""

import argparse
from importlib.util import find_spec
from pathlib import Path

from kws.cli.common import add_figures_options, percent, refuse_overwriting, write_figures
from kws.utils.console import Progress
from kws.utils.errors import KwsError


def register(command) -> None:
    _register_evaluate(command)
    _register_score(command)
    _register_report(command)


def _register_evaluate(command) -> None:
    sub = command(
        "evaluate",
        _evaluate,
        "classify clips, one folder a label, and count what is right",
        "kws evaluate models/words-12/custom.tflite clips --split validation --json result.json",
    )
    sub.add_argument("model", type=Path)
    sub.add_argument("folder", type=Path, help="clips in any audio format, one folder a label")
    sub.add_argument("--split", choices=["training", "validation", "testing"])
    sub.add_argument("--picture", type=Path, metavar="FILE", help="draw the confusion matrix")
    add_figures_options(sub)


def _evaluate(options) -> None:
    from kws.evaluation.accuracy import evaluate
    from kws.runtime import Model
    from kws.utils.console import table

    refuse_overwriting(options.json, options.picture, force=options.force)
    model = Model(options.model)
    with Progress("clips") as progress:
        result = evaluate(model, options.folder, options.split, progress)
    result["model"] = {"file": options.model.name, "file_bytes": options.model.stat().st_size}
    rows = [
        [name, c["clips"], percent(c["recall"]), percent(c["precision"])]
        for name, c in result["per_class"].items()
        if c["clips"]
    ]
    print(table(["class", "clips", "recall", "precision"], rows))
    print(f"\naccuracy {result['accuracy']:.2%} of {result['clips']} clips")
    if options.json:
        write_figures(options.json, {**result, "split": options.split})
    if options.picture:
        from kws.report.figures import confusion_figure, save

        save(confusion_figure(result, f"{options.model.name}: confusion"), options.picture)


def _register_score(command) -> None:
    sub = command(
        "score",
        _score,
        "stream recordings through a detector; count misses and false alarms per hour",
        "kws score models/alexa/stream.tflite --keyword alexa --positives alexa "
        "--background speech --json score.json\n"
        "  kws score microwakeword:alexa --keyword alexa --positives alexa --background speech "
        "--json peer.json\n"
        "  kws score models/words-12/custom.tflite --clips speech_commands --json words.json",
    )
    sub.add_argument("model", help="a .tflite, or microwakeword:NAME or openwakeword:NAME")
    sub.add_argument("--keyword", metavar="W", help="score this keyword on recordings of it")
    sub.add_argument(
        "--positives", type=Path, metavar="DIR", help="recordings of W, one in each, any format"
    )
    sub.add_argument(
        "--background", type=Path, nargs="+", metavar="DIR", help="recordings without any keyword"
    )
    sub.add_argument(
        "--clips", type=Path, metavar="DIR", help="instead: score every keyword on joined clips"
    )
    sub.add_argument("--split", choices=["training", "validation", "testing"], default="validation")
    sub.add_argument("--noise", type=Path, metavar="DIR", help="noise for --snr (default: made up)")
    sub.add_argument(
        "--snr",
        type=float,
        nargs="*",
        default=[10.0, 0.0],
        metavar="DB",
        help="score in noise at these ratios too (default 10 and 0; none: only clean)",
    )
    sub.add_argument(
        "--far", action=argparse.BooleanOptionalAction, default=True, help="score far speech too"
    )
    sub.add_argument(
        "--fit",
        type=float,
        metavar="RATE",
        help="choose smoothing and threshold for so many false alarms per hour",
    )
    sub.add_argument("--write", action="store_true", help="store what --fit chose in the model")
    sub.add_argument("--processes", type=int, metavar="N", help="default: one a core")
    add_figures_options(sub)


def _score(options) -> None:
    refuse_overwriting(options.json, force=options.force)
    _check(options)
    result = _score_words(options) if options.clips else _score_keyword(options)
    if options.json:
        from kws.report.page import write_report

        write_figures(options.json, result)
        page = options.json.with_suffix(".html")
        write_report([options.json], page)
        print(f"\n{options.json}, {page}; 'kws report' puts several on one page")


def _check(options) -> None:
    if not all(map(find_spec, ("scipy", "matplotlib", "jinja2"))):
        raise KwsError('scoring is an extra: pip install "kws[score]"')
    if options.clips and (options.keyword or options.positives):
        raise KwsError("--clips scores every keyword; give it or --keyword, not both", 2)
    if not options.clips and not (options.keyword and options.positives and options.background):
        raise KwsError("give --keyword, --positives and --background; or --clips", 2)
    if options.write and options.fit is None:
        raise KwsError("--write stores what --fit chose; give --fit RATE", 2)
    if options.fit is not None and options.clips:
        raise KwsError("--fit takes one keyword's recordings; give --keyword", 2)
    if options.fit is not None and options.fit <= 0:
        raise KwsError("--fit takes a rate above 0, in false alarms per hour", 2)
    if options.write and ":" in options.model:
        raise KwsError("--write changes a .tflite of kws; a peer's model stays as it is", 2)


def _score_keyword(options) -> dict:
    from kws.evaluation.conditions import conditions
    from kws.evaluation.keyword import keyword_posteriors, score_keyword
    from kws.evaluation.threshold import fit_keyword
    from kws.utils.console import table

    with Progress("streams") as progress:
        posteriors = keyword_posteriors(
            options.model,
            options.keyword,
            options.positives,
            options.background,
            conditions(options.noise, options.snr, options.far),
            options.processes,
            progress,
        )
    decision = fit_keyword(posteriors, options.fit) if options.fit is not None else None
    result = score_keyword(posteriors, decision and decision["smoothing_ms"])
    print(
        f"{result['model']['name']}: {result['positives']} times {options.keyword!r}, "
        f"{result['hours']:.2f} hours of anything else\n"
    )
    rates = list(result["frr_at_fa_per_hour"])
    rows = [[name, *_shares(one), _latency(one)] for name, one in result["conditions"].items()]
    print(table(["missed", *(f"at {rate}/h" for rate in rates), "latency"], rows))
    for rate in rates:
        _print_interval(rate, result)
    if decision:
        result["decision"] = decision
        threshold = decision["thresholds"][options.keyword]
        print(f"\nfitted: threshold {threshold:.3f}, smoothing {decision['smoothing_ms']:g} ms")
        if options.write:
            _store(Path(options.model), decision)
    return result


def _print_interval(rate: str, result: dict) -> None:
    at = result["intervals"][rate]
    low, high = at["frr_95"]
    least, most = at["fa_per_hour_95"]
    print(
        f"at {rate}/h: {at['missed']} missed ({low:.1%} to {high:.1%}), {at['false_alarms']} false "
        f"alarms ({least:.2f} to {most:.2f}/h), threshold {at['threshold']:.3f}"
    )
    if not at["enough_hours"]:
        print(f"  too few hours to claim this rate: it takes {at['hours_needed']:g}")


def _score_words(options) -> dict:
    from kws.datasets.noise import Noise
    from kws.evaluation.words import score_words
    from kws.utils.console import table

    with Progress("streams") as progress:
        result = score_words(
            options.model,
            options.clips,
            split=options.split,
            background=options.background or (),
            noise=Noise(options.noise),
            processes=options.processes,
            progress=progress,
        )
    print(f"{result['model']['name']}: {result['clips']} clips in {result['hours']:.2f} hours\n")
    rates = list(result["frr_at_fa_per_hour"])
    rows = [
        [word, one["positives"], *_shares(one), _latency(one)]
        for word, one in result["words"].items()
    ]
    rows.append(["mean", "", *_shares(result), ""])
    print(table(["missed", "clips", *(f"at {rate}/h" for rate in rates), "latency"], rows))
    return result


def _shares(result: dict) -> list[str]:
    return [percent(share) for share in result["frr_at_fa_per_hour"].values()]


def _latency(result: dict) -> str:
    latency = result["latency_ms"]
    return f"{latency['median']} ms" if latency else "–"


def _store(path: Path, decision: dict) -> None:
    from kws.tflite.metadata import read_model, write_metadata
    from kws.utils.files import write_bytes

    data, metadata = read_model(path)
    write_bytes(path, write_metadata(data, {**metadata, "decision": decision}))
    print(f"stored in {path}")


def _register_report(command) -> None:
    sub = command(
        "report",
        _report,
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


def _report(options) -> None:
    refuse_overwriting(options.out, force=options.force)
    try:
        from kws.report.page import write_report
    except ImportError as error:
        raise KwsError('reports need jinja2 and matplotlib: pip install "kws[score]"') from error
    write_report(options.results, options.out, options.png)
    print(options.out)

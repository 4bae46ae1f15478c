"""``kws score``: misses against false alarms per hour."""

import argparse
import json
from importlib.util import find_spec
from pathlib import Path

from kws.cli.common import percent, refuse_overwriting
from kws.utils.console import Progress
from kws.utils.errors import KwsError


def register(command) -> None:
    sub = command(
        "score",
        run,
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
    sub.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    sub.add_argument("--force", action="store_true", help="replace FILE if it is there")


def run(options) -> None:
    refuse_overwriting(options.json, options.force)
    _check(options)
    result = _words(options) if options.clips else _keyword(options)
    if options.json:
        from kws.report.page import write_report
        from kws.utils.files import write_text
        from kws.utils.provenance import provenance

        write_text(options.json, json.dumps({**result, "made_by": provenance()}, indent=1) + "\n")
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


def _keyword(options) -> dict:
    from kws.evaluation.conditions import conditions
    from kws.evaluation.keyword import keyword_posteriors, score_keyword
    from kws.evaluation.threshold import fit_keyword
    from kws.utils.console import table

    with Progress("streams") as progress:
        hearing = keyword_posteriors(
            options.model,
            options.keyword,
            options.positives,
            options.background,
            conditions(options.noise, options.snr, options.far),
            options.processes,
            progress,
        )
    decision = fit_keyword(hearing, options.fit) if options.fit is not None else None
    result = score_keyword(hearing, decision and decision["smoothing_ms"])
    print(
        f"{result['model']['name']}: {result['positives']} times {options.keyword!r}, "
        f"{result['hours']:.2f} hours of anything else\n"
    )
    rates = list(result["frr_at_fa_per_hour"])
    rows = [[name, *_shares(one), _latency(one)] for name, one in result["conditions"].items()]
    print(table(["missed", *(f"at {rate}/h" for rate in rates), "latency"], rows))
    for rate in rates:
        _tell_interval(rate, result)
    if decision:
        result["decision"] = decision
        threshold = decision["thresholds"][options.keyword]
        print(f"\nfitted: threshold {threshold:.3f}, smoothing {decision['smoothing_ms']:g} ms")
        if options.write:
            _store(Path(options.model), decision)
    return result


def _tell_interval(rate: str, result: dict) -> None:
    at = result["intervals"][rate]
    low, high = at["frr_95"]
    least, most = at["fa_per_hour_95"]
    print(
        f"at {rate}/h: {at['missed']} missed ({low:.1%} to {high:.1%}), {at['false_alarms']} false "
        f"alarms ({least:.2f} to {most:.2f}/h), threshold {at['threshold']:.3f}"
    )
    if not at["enough_hours"]:
        print(f"  too few hours to claim this rate: it takes {at['hours_needed']:g}")


def _words(options) -> dict:
    from kws.evaluation.words import score_words
    from kws.utils.console import table

    with Progress("streams") as progress:
        result = score_words(
            options.model,
            options.clips,
            options.split,
            options.background or (),
            options.noise,
            options.processes,
            progress,
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

"""Pictures of results: each function returns a Figure, and ``save`` writes it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator
from scipy.stats import norm

from kws.utils.files import replacing

# Colours that colour-blind people can distinguish (Okabe, Ito 2008), dashes for grey paper.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))

_TICKS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)  # shares of misses
_LOWEST = _TICKS[0]  # smaller shares are drawn here
_LEGEND = 0.18  # inches a line


def det_figure(curves: Mapping[str, dict], title: str) -> Figure:
    """Misses against false alarms per hour of several models, on the axes of Martin et al. 1997.

    curves: a summary of ``kws.evaluation.rates`` by the model's name. A bar is the 95% interval of
    the misses at 0.1, 0.5 and 1 false alarms per hour. A threshold without a false alarm is drawn
    at the left edge.
    """
    figure, axes = _axes(5.2, 3.9 + _LEGEND * len(curves))
    highest = 0.0
    left = min(0.05, *(0.5 / curve["hours"] for curve in curves.values()))
    for k, (name, curve) in enumerate(curves.items()):
        colour, dash = COLOURS[k % len(COLOURS)], DASHES[k % len(DASHES)]
        alarms = np.array([point["fa_per_hour"] for point in curve["det"]])
        missed = np.array([point["frr"] for point in curve["det"]])
        axes.step(
            np.maximum(alarms, left),
            _deviate(missed),
            where="post",
            color=colour,
            linestyle=dash,
            label=name,
            linewidth=1.8,
        )
        for rate, at in curve["intervals"].items():
            share = curve["frr_at_fa_per_hour"][rate]
            ends = _deviate(np.array([share, *at["frr_95"]]))
            place = float(rate) * 1.03 ** (k - (len(curves) - 1) / 2)  # beside, not over each other
            axes.plot(place, ends[0], "o", color=colour, markersize=4)
            axes.plot([place, place], ends[1:], color=colour, linewidth=0.9, alpha=0.7)
            highest = max(highest, min(at["frr_95"][1], 0.9))
    axes.set_xscale("log")
    axes.set_xlim(left * 0.9, 20)
    axes.set_yticks(_deviate(np.array(_TICKS)), [f"{100 * share:g}%" for share in _TICKS])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.set_ylim(*_deviate(np.array([_LOWEST, max(0.1, min(highest * 1.15, 0.9))])))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("false alarms per hour")
    axes.set_ylabel("missed")
    axes.set_title(title, fontsize=11)
    axes.grid(alpha=0.3)
    _legend(figure)
    return figure


def words_figure(results: Mapping[str, dict], rate: str) -> Figure:
    """Bars: the share of each word that each model misses at ``rate`` false alarms per hour.

    results: of ``kws.evaluation.words`` by the model's name.
    """
    names = list(dict.fromkeys(word for result in results.values() for word in result["words"]))
    figure, axes = _axes(5.2, 0.9 + (_LEGEND + 0.26 * len(names)) * len(results))
    height = 0.8 / len(results)
    for k, (model, result) in enumerate(results.items()):
        places = [names.index(word) + (k - (len(results) - 1) / 2) * height for word in names]
        shares = [_missed_share(result, word, rate) for word in names]
        bars = axes.barh(places, shares, height * 0.9, label=model, color=COLOURS[k % len(COLOURS)])
        axes.bar_label(bars, [f"{s:.1f}" for s in shares], padding=2, fontsize=7)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel(f"% missed at {rate} false alarms per hour")
    axes.grid(axis="x", alpha=0.3)
    if len(results) > 1:
        _legend(figure)
    return figure


def bar_figure(values: Mapping[str, float], title: str) -> Figure:
    """A bar for each model."""
    figure, axes = _axes(5.2, 0.8 + 0.34 * len(values))
    drawn = axes.barh(list(values), list(values.values()), color=COLOURS[0], height=0.6)
    axes.bar_label(drawn, [f"{value:,.4g}" for value in values.values()], padding=3, fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.18)
    axes.tick_params(labelsize=8)
    axes.set_title(title, fontsize=10, loc="left")
    return figure


def confusion_figure(result: dict, title: str) -> Figure:
    """The confusion matrix of ``kws.evaluation.accuracy``; rows are the truth."""
    counts = np.array(result["confusion"])
    share = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    side = 1.6 + 0.32 * len(counts)
    figure, axes = _axes(side, side)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = "white" if share[row, column] > 0.5 else "black"
            axes.text(column, row, count, ha="center", va="center", color=colour, fontsize=7)
    names = [name.strip("_") for name in result["labels"]]
    axes.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_xlabel("detected as")
    axes.set_ylabel("spoken")
    axes.set_title(title, fontsize=10)
    return figure


def detection_figure(
    features: np.ndarray,
    hop: float,
    trace: Sequence[tuple[float, np.ndarray]],
    labels: Sequence[str],
    detections: Sequence,
) -> Figure:
    """Log-mel features (frames, bands), the scores over time and what was detected.

    hop: seconds between frames. trace: (seconds, scores (labels,)) for every step of the detector.
    """
    end = max(len(features) * hop, 0.1)
    figure = Figure(figsize=(min(24, max(8, end)), 4.5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    above.imshow(features.T, origin="lower", aspect="auto", extent=(0, end, 0, features.shape[1]))
    above.set_ylabel("mel band")
    times = [time for time, _ in trace]
    scores = np.array([scores for _, scores in trace])
    for k, label in enumerate(labels):
        if not label.startswith("_") and scores[:, k].max() > 0.3:
            below.plot(times, scores[:, k], label=label)
    for detection in detections:
        above.axvline(detection.time, color="white", linewidth=1)
        above.text(
            detection.time,
            features.shape[1] * 0.98,
            f" {detection.keyword}",
            color="white",
            va="top",
        )
    below.set(xlabel="seconds", ylabel="smoothed score", ylim=(0, 1.05), xlim=(0, end))
    if below.lines:
        below.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=8)
    return figure


def save(figure: Figure, path: Path, dpi: int = 110) -> None:
    """Write a figure as PNG."""
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=dpi)


def _deviate(shares: np.ndarray) -> np.ndarray:
    """Quantiles of the normal distribution, in which DET curves are near to straight lines."""
    return norm.ppf(np.clip(shares, _LOWEST, 0.999))


def _missed_share(result: dict, word: str, rate: str) -> float:
    one = result["words"].get(word)
    return 100 * one["frr_at_fa_per_hour"][rate] if one else 0.0


def _legend(figure: Figure) -> None:
    """Below the axes, where it covers nothing."""
    figure.legend(loc="outside lower left", fontsize=8, frameon=False)


def _axes(width: float, height: float):
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes

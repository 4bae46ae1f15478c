"""The pictures of benchmarks."""

import math
from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter


def bar_panels(panels: Mapping[str, Mapping[str, float]]) -> Figure:
    """A panel for each title, a bar for each model that has a figure there; logarithmic scales."""
    names = list(dict.fromkeys(name for bars in panels.values() for name in bars))
    figure = Figure(figsize=(2 + 2.6 * len(panels), 1 + 0.3 * len(names)), layout="constrained")
    axes_of_panels = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (title, bars) in zip(axes_of_panels, panels.items(), strict=True):
        drawn = axes.barh(names, [bars.get(name, 0) for name in names])
        axes.bar_label(drawn, fmt=_short, fontsize=8)
        axes.set_title(title, fontsize=9)
        axes.set_xscale("log")
        axes.set_xlim(10 ** math.floor(math.log10(min(bars.values()))), 8 * max(bars.values()))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.margins(y=0.01)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].invert_yaxis()
    return figure


def ratio_panels(rows: Sequence[dict], key: str, label: str) -> Figure:
    """A panel for each batch, a line for each rank: the ratio ``key`` of rows against n."""
    batches = sorted({row["batch"] for row in rows})
    figure = Figure(figsize=(4.5 * len(batches), 4), layout="constrained")
    panels = figure.subplots(1, len(batches), sharey=True, squeeze=False)[0]
    for axes, batch in zip(panels, batches, strict=True):
        for rank in sorted({row["rank"] for row in rows}):
            mine = [row for row in rows if (row["batch"], row["rank"]) == (batch, rank)]
            points = sorted((row["n"], row[key]) for row in mine)
            axes.plot(*zip(*points, strict=True), "o-", markersize=4, label=f"rank {rank}")
        axes.axhline(1, color="grey", linewidth=1)
        axes.set(yscale="log", xlabel="n", title=f"batch {batch}")
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.grid(alpha=0.3)
    panels[0].set_ylabel(label)
    panels[0].legend()
    return figure


def _short(value: float) -> str:
    if not value:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"

"""Results for a person: tables in the terminal and pictures."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kws.files import replacing


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows as aligned text; the first column to the left, numbers to the right."""
    cells = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[k]) for row in cells) for k in range(len(header))]

    def line(row: Sequence[str]) -> str:
        first = row[0].ljust(widths[0])
        return "  ".join([first, *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))])

    return "\n".join([line(cells[0]), "  ".join("─" * w for w in widths), *map(line, cells[1:])])


def confusion_picture(result: dict, path: Path, title: str) -> None:
    """Draw the confusion matrix of an evaluation; rows are the truth."""
    plt = _pyplot()
    confusion = np.array(result["confusion"])
    share = confusion / np.maximum(1, confusion.sum(axis=1, keepdims=True))
    size = 2.5 + 0.42 * len(confusion)
    figure, axes = plt.subplots(figsize=(size, size), layout="constrained")
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(confusion):
        if count:
            colour = "white" if share[row, column] > 0.5 else "black"
            axes.text(column, row, count, ha="center", va="center", color=colour, fontsize=8)
    names = [name.strip("_") for name in result["labels"]]
    axes.set_xticks(range(len(names)), names, rotation=60, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("heard as")
    axes.set_ylabel("spoken")
    axes.set_title(title, fontsize=10)
    _save(figure, path)


def detection_picture(
    features: np.ndarray,
    hop: float,
    trace: Sequence[tuple[float, np.ndarray]],
    labels: Sequence[str],
    detections: Sequence,
    path: Path,
) -> None:
    """Draw log-mel features (frames, bands), the scores over time and what was detected.

    hop: seconds between frames. trace: (seconds, scores) for every look of the detector.
    """
    plt = _pyplot()
    end = max(len(features) * hop, 0.1)
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(min(24, max(8, end)), 4.5), sharex=True, layout="constrained"
    )
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
    _save(figure, path)


def _pyplot():
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt


def _save(figure, path: Path) -> None:
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)
    _pyplot().close(figure)

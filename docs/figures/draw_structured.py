"""Draws the figures of docs/structured.md: python docs/figures/draw_structured.py"""

from pathlib import Path

import numpy as np
import scipy.linalg
from matplotlib.figure import Figure

from kws.structured import displacement
from kws.structured.projection import project

HERE = Path(__file__).parent
N = 48


def toeplitz(rng):
    return scipy.linalg.toeplitz(rng.normal(size=N), rng.normal(size=N))


def examples(rng) -> dict:
    """A typical matrix of each family, and its displacement, (N, N) both."""
    t, hankel = toeplitz(rng), toeplitz(rng)[:, ::-1]
    nodes = np.exp(-0.03 + 1j * np.pi * (np.arange(N // 2) + 0.5) / (N // 2))
    powers = nodes[:, None] ** np.arange(N)
    vandermonde = np.stack([powers.real, powers.imag], axis=1).reshape(N, N)
    s, free = np.arange(N), np.arange(N) + 0.5
    cauchy = 1 / (s[:, None] - free)
    pairs = {
        "Toeplitz": (t, displacement.toeplitz_operators(N)),
        "Hankel": (hankel, displacement.hankel_operators(N)),
        "Toeplitz + Hankel": (t + hankel, displacement.toeplitz_hankel_operators(N)),
        "Cauchy": (cauchy, displacement.cauchy_operators(s, free)),
        "inverse of a Toeplitz": (
            np.linalg.inv(t + 3 * N**0.5 * np.eye(N)),
            displacement.toeplitz_operators(N),
        ),
    }
    found = {name: (m, displacement.sylvester(m, *ab)) for name, (m, ab) in pairs.items()}
    operators = displacement.vandermonde_operators(nodes)
    found["Vandermonde"] = vandermonde, displacement.stein(vandermonde, *operators)
    return found


def draw_families() -> None:
    found = examples(np.random.default_rng(2))
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    rows = figure.subplots(2, len(found))
    for column, (name, (matrix, displaced)) in zip(rows.T, found.items(), strict=True):
        rank = displacement.displacement_rank(displaced)
        for axes, m in zip(column, (matrix, displaced), strict=True):
            limit = np.quantile(np.abs(m[np.abs(m) > 1e-9]), 0.95)
            axes.imshow(m, cmap="RdBu", vmin=-limit, vmax=limit)
            axes.set(xticks=[], yticks=[])
        column[0].set_title(name, fontsize=9)
        column[1].set_title(f"displaced: rank {rank}", fontsize=9)
    figure.savefig(HERE / "structured_families.png", dpi=90)


def draw_projection() -> None:
    """Error of the projection against rank, for matrices with and without structure."""
    rng = np.random.default_rng(0)
    products = toeplitz(rng) @ toeplitz(rng) / N
    smooth = np.exp(-np.abs(np.subtract.outer(np.arange(N), np.arange(N))) / 8.0)
    smooth *= 1 + 0.5 * np.outer(np.sin(np.arange(N) / 9), np.cos(np.arange(N) / 7))
    matrices = {
        "product of two Toeplitz": products,
        "slowly varying filter": smooth,
        "normal entries": rng.normal(size=(N, N)) / N**0.5,
    }
    ranks = [1, 2, 3, 4, 6, 8, 12, 16, 20, 24]
    figure = Figure(figsize=(10, 3.2), layout="constrained")
    panels = figure.subplots(1, 3, sharey=True)
    for axes, (name, matrix) in zip(panels, matrices.items(), strict=True):
        found = [project(matrix, r, steps=200) for r in ranks]
        values = np.linalg.svd(matrix, compute_uv=False)
        # Rank r has 2rn parameters in both.
        low_rank = [np.sqrt(np.sum(values[r:] ** 2) / np.sum(values**2)) for r in ranks]
        floor = 1e-3
        axes.plot(ranks, np.maximum([p.svd_error for p in found], floor), "o--", label="SVD")
        axes.plot(ranks, np.maximum([p.error for p in found], floor), "o-", label="refined")
        axes.plot(ranks, np.maximum(low_rank, floor), "s:", label="low rank")
        axes.set(title=name, xlabel="rank", yscale="log")
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("relative error of the matrix")
    panels[0].legend()
    figure.savefig(HERE / "structured_projection.png", dpi=90)


if __name__ == "__main__":
    draw_families()
    draw_projection()

"""All structures at equal numbers of parameters on scikit-learn's digits; see digits.md.

    KERAS_BACKEND=jax python docs/results/digits.py

It needs jax, scikit-learn and scipy. All seeds and tasks of a structure are trained at once (vmap),
so that the comparison takes minutes on a CPU.
"""

import json
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import keras
import numpy as np
import scipy.ndimage
from sklearn.datasets import load_digits

from kws import structured
from kws.utils.files import write_text

SIDE = 16  # 8×8 digits enlarged, so that there is something to rotate
N = SIDE * SIDE
TASKS = ("rotation", "noise", "background")
SEEDS = range(5)
COPIES, EPOCHS, BATCH, RATE = 4, 10, 100, 3e-3
BUDGETS = (512, 1024, 2048)  # parameters of the 256×256 layer: rank 1, 2, 4 of ToeplitzLike


def structures(budget: int) -> dict:
    """Layers with about ``budget`` parameters; layers of a fixed size stand at one budget."""
    rank = budget // (2 * N)
    layers = {
        "Toeplitz-like": lambda: structured.ToeplitzLike(N, rank),
        "Hankel-like": lambda: structured.HankelLike(N, rank),
        "Toeplitz+Hankel-like": lambda: structured.ToeplitzHankelLike(N, rank),
        "Vandermonde-like": lambda: structured.VandermondeLike(N, rank),
        "Cauchy-like": lambda: structured.CauchyLike(N, rank),
        "LDR-SD": lambda: structured.LearnedShiftLike(N, rank),
        "low rank": lambda: structured.LowRank(N, rank),
        "HashedNets": lambda: structured.Hashed(N, budget),
        "random edges": lambda: structured.RandomEdges(N, budget),
        "dense, fewer units": lambda: structured.Unstructured(budget // N),
    }
    if rank == 1:
        layers["circulant"] = lambda: structured.Circulant(N)
        layers["skew-circulant"] = lambda: structured.SkewCirculant(N)
        layers["Toeplitz"] = lambda: structured.Toeplitz(N)
        layers["Fastfood"] = lambda: structured.Fastfood(N)
        layers["dense, all units"] = lambda: structured.Unstructured(N)
    return layers


def perturbed(images, task, rng):
    """One perturbed copy of each 16×16 image, standardised to about unit size: (m, 256)."""
    if task == "rotation":
        angles = rng.uniform(-60, 60, len(images))
        images = [
            scipy.ndimage.rotate(image, angle, reshape=False, order=1)
            for image, angle in zip(images, angles, strict=True)
        ]
    elif task == "noise":
        images = images + rng.normal(0, 0.5, images.shape)
    else:
        images = np.maximum(images, rng.uniform(0, 1, images.shape))
    flat = np.reshape(images, (len(images), N))
    return ((flat - flat.mean()) / flat.std()).astype("float32")


def data():
    """Training and test sets of every task and seed: arrays with a leading axis of 15."""
    digits = load_digits()
    images = scipy.ndimage.zoom(digits.images / 16, (1, 2, 2), order=1)
    parts = []
    for task in TASKS:
        for seed in SEEDS:
            rng = np.random.default_rng(seed)
            order = rng.permutation(len(images))
            train, test = order[:1000], order[1000:]
            x = np.concatenate([perturbed(images[train], task, rng) for _ in range(COPIES)])
            y = np.tile(digits.target[train], COPIES)
            parts.append((x, y, perturbed(images[test], task, rng), digits.target[test]))
    return [jnp.asarray(np.stack(column)) for column in zip(*parts, strict=True)]


def errors(make, sets) -> tuple[int, np.ndarray]:
    """The layer's parameters, and test errors in per cent, (tasks, seeds)."""
    models = []
    for seed in range(len(TASKS) * len(SEEDS)):
        keras.utils.set_random_seed(seed % len(SEEDS))
        model = keras.Sequential(
            [keras.Input((N,)), make(), keras.layers.ReLU(), keras.layers.Dense(10)]
        )
        models.append([v.value for v in model.trainable_variables])
    weights = [jnp.stack(same) for same in zip(*models, strict=True)]
    parameters = model.layers[0].count_params() - model.layers[0].units  # without the bias
    train_x, train_y, test_x, test_y = sets
    steps = EPOCHS * train_x.shape[1] // BATCH

    def loss(w, x, y):
        logits = model.stateless_call(w, [], x)[0]
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], 1))

    def train(w, x, y, key):
        def step(state, i):
            w, first, second = state
            chosen = jax.random.randint(jax.random.fold_in(key, i), (BATCH,), 0, len(x))
            gradient = jax.grad(loss)(w, x[chosen], y[chosen])
            first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
            second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradient)
            rate = RATE * 0.5 * (1 + jnp.cos(jnp.pi * i / steps))

            def move(w, m, v):
                m, v = m / (1 - 0.9 ** (i + 1.0)), v / (1 - 0.999 ** (i + 1.0))
                return w - rate * m / (jnp.sqrt(v) + 1e-7)

            return (jax.tree.map(move, w, first, second), first, second), None

        zeros = jax.tree.map(jnp.zeros_like, w)
        (w, _, _), _ = jax.lax.scan(step, (w, zeros, zeros), jnp.arange(steps))
        return w

    def error(w, x, y):
        return 100 * jnp.mean(jnp.argmax(model.stateless_call(w, [], x)[0], -1) != y)

    keys = jax.random.split(jax.random.key(0), len(train_x))
    weights = jax.jit(jax.vmap(train))(weights, train_x, train_y, keys)
    found = jax.jit(jax.vmap(error))(weights, test_x, test_y)
    return parameters, np.asarray(found).reshape(len(TASKS), len(SEEDS))


def main() -> None:
    path = Path(__file__).with_suffix(".json")
    sets = data()
    rows = []
    for budget in BUDGETS:
        for name, make in structures(budget).items():
            parameters, found = errors(make, sets)
            row = {"structure": name, "budget": budget, "parameters": parameters}
            row["error"] = {t: [round(float(e), 2) for e in found[i]] for i, t in enumerate(TASKS)}
            rows.append(row)
            print(name, budget, parameters, found.mean(axis=1).round(2), flush=True)
            write_text(path, json.dumps({"rows": rows}, indent=1) + "\n")
            write_text(path.with_suffix(".md"), table(rows))


def table(rows) -> str:
    lines = [
        "# Structures at equal numbers of parameters",
        "",
        f"scikit-learn's digits, enlarged to {SIDE}×{SIDE} and perturbed (rotation by up to 60°, "
        "Gaussian noise, uniform background); 1,000 training images with "
        f"{COPIES} perturbed copies each, 797 for testing. One hidden 256×256 layer of the given "
        f"structure, ReLU, 10 outputs; Adam, {EPOCHS} epochs, the same for all. Test error in per "
        f"cent, mean ± deviation over {len(SEEDS)} seeds (split, perturbation and weights).",
        "Made by `KERAS_BACKEND=jax python docs/results/digits.py`.",
        "",
        "| budget | structure | parameters | " + " | ".join(TASKS) + " | mean |",
        "|--:|---|--:|" + "--:|" * (len(TASKS) + 1),
    ]
    average = lambda row: np.mean([row["error"][t] for t in TASKS])  # noqa: E731
    for row in sorted(rows, key=lambda row: (row["budget"], average(row))):
        cells = [f"{np.mean(e):.1f} ± {np.std(e, ddof=1):.1f}" for e in row["error"].values()]
        lines.append(
            f"| {row['budget']} | {row['structure']} | {row['parameters']:,} | "
            + " | ".join(cells)
            + f" | {average(row):.1f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())

"""The layers' matrices written out by definition, in NumPy, for the tests."""

import numpy as np
import scipy.linalg


def shift(n, f):
    z = np.zeros((n, n))
    for k in range(n - 1):
        z[k + 1, k] = 1
    z[0, n - 1] += f
    return z


def krylov(a, v):
    """[v, Av, A²v, …], one column a power."""
    columns = [v]
    for _ in range(len(v) - 1):
        columns.append(a @ columns[-1])
    return np.stack(columns, axis=1)


def circulant(g):
    return krylov(shift(len(g), 1), g)


def skew_circulant(h):
    return krylov(shift(len(h), -1), h)


def toeplitz_like(g, h):
    return sum(circulant(gi) @ skew_circulant(hi) for gi, hi in zip(g, h, strict=True))


def mirrored(t, sign):
    """Σ t_k C_k with C_k the polynomial of the mirrored shift that has C_k[a, b] = 1 on ±k."""
    n = len(t)
    y = np.eye(n, k=1) + np.eye(n, k=-1)
    y[0, 0] += 1
    y[-1, -1] += sign
    # Chebyshev: C_0 = 1, C_1 = Y, C_{k+1} = Y C_k − C_{k−1}, with C_0 counted twice.
    previous, current = 2 * np.eye(n), y
    total = t[0] * np.eye(n)
    for k in range(1, n):
        total = total + t[k] * current
        previous, current = current, y @ current - previous
    return total


def random_toeplitz(n, rng):
    return scipy.linalg.toeplitz(rng.normal(size=n), rng.normal(size=n))


def random_hankel(n, rng):
    return scipy.linalg.hankel(rng.normal(size=n), rng.normal(size=n))


def vandermonde_like(nodes, g, h):
    """Real and imaginary rows of Σᵢ diag(γᵢ) V Tᵢ, by the recurrence of its displacement."""
    n = g.shape[1]
    rows = np.zeros((len(nodes), n), complex)
    for j, v in enumerate(nodes):
        for gi, hi in zip(g, h, strict=True):
            entry = 0
            for k in range(n):
                entry = v * entry + hi[k]
                rows[j, k] += (gi[2 * j] + 1j * gi[2 * j + 1]) * entry
    return np.stack([rows.real, rows.imag], axis=1).reshape(n, n)


def undone(displaced, kind, a, b):
    """The matrix of a displacement, "sylvester" or "stein", by solving for its n² entries."""
    n = len(displaced)
    if kind == "sylvester":
        system = np.kron(a, np.eye(n)) - np.kron(np.eye(n), b.T)
    else:
        system = np.eye(n * n) - np.kron(a, b.T)
    return np.linalg.solve(system, displaced.ravel()).reshape(n, n)

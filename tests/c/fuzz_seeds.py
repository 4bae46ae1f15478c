"""Write well-formed nodes, as fuzz_op.c reads them, for the fuzzer to begin with.

python tests/c/fuzz_seeds.py DIR
"""

import sys
from pathlib import Path

from flatbuffers import flexbuffers

FLOAT32, FLOAT16, INT8 = 0, 2, 3
COMPUTED = 128


def tensor(flags: int, *shape: int) -> bytes:
    # Sizes above 32 as a power of two; see next_int in fuzz_op.c.
    sizes = [d if d < 33 else next(k for k in range(200, 220) if 1 << k % 17 == d) for d in shape]
    return bytes([flags, len(shape), *sizes])


def layer(n: int, rank: int, stored: int) -> bytes:
    """KwsToeplitzLike: x, g, h, scales, bias, y of a square layer; the lists and options."""
    version = 1 if stored == FLOAT32 else 2
    inputs = [0, 1, 2, 3, 4] if stored == INT8 else [0, 1, 2, 4]
    options = {"version": version, "units": n}
    if version == 2:
        options |= {"scaled": int(stored == INT8), "bias": 1}
    return b"".join(
        [
            bytes([0]),
            tensor(FLOAT32 | COMPUTED, 2, n),
            tensor(stored, rank, n),
            tensor(stored, rank, n),
            tensor(FLOAT32, 2, rank),
            tensor(FLOAT32, n),
            tensor(FLOAT32 | COMPUTED, 1),
            bytes([len(inputs), *inputs, 1, 5, 7]),
            bytes(flexbuffers.Dumps(options)),
        ]
    )


def step(n: int, rank: int, taps: int, streams: bool) -> bytes:
    """KwsTemporalStep with a shortcut, or in a stream with a shortcut and a pool of 9 outputs."""
    packed = 12 + (2 * rank * n or n * n) + (taps + 1) * n
    rows = taps - 1 + taps // 2 + 9 - 4
    options = {"version": 1, "units": n, "rank": rank, "taps": taps, "stride": 1, "shortcut": 1}
    if streams:
        options |= {"version": 2, "history": taps - 1, "pool": 9}
    inputs, outputs = ([0, 1, 2], [3, 4]) if streams else ([0, 1], [3])
    return b"".join(
        [
            bytes([1]),
            tensor(FLOAT32 | COMPUTED, 2, 4, n),
            tensor(INT8, 4, packed // 4),
            tensor(FLOAT32 | COMPUTED, 2, rows, n),
            tensor(FLOAT32 | COMPUTED, 1),
            tensor(FLOAT32 | COMPUTED, 1),
            tensor(FLOAT32, 1),
            bytes([len(inputs), *inputs, len(outputs), *outputs, 7]),
            bytes(flexbuffers.Dumps(options)),
        ]
    )


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for n in (5, 32, 128, 256):
        for stored in (FLOAT32, FLOAT16, INT8):
            (folder / f"{n}-{stored}").write_bytes(layer(n, 2, stored))
    for n, rank, taps in ((4, 0, 3), (8, 1, 3), (4, 2, 2)):
        for streams in (False, True):
            (folder / f"step-{n}-{rank}-{streams}").write_bytes(step(n, rank, taps, streams))

"""Write well-formed nodes, as fuzz_op.c reads them, for the fuzzer to begin with.

python export/fuzz/seeds.py DIR
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


def node(n: int, rank: int, stored: int) -> bytes:
    """Tensors x, g, h, scales, bias, y of a square layer, the node's lists, its options."""
    version = 1 if stored == FLOAT32 else 2
    inputs = [0, 1, 2, 3, 4] if stored == INT8 else [0, 1, 2, 4]
    options = {"version": version, "units": n}
    if version == 2:
        options |= {"scaled": int(stored == INT8), "bias": 1}
    return b"".join(
        [
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


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for n in (5, 32, 128, 256):
        for stored in (FLOAT32, FLOAT16, INT8):
            (folder / f"{n}-{stored}").write_bytes(node(n, 2, stored))

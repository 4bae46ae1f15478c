"""Instructions a layer takes on ARM, counted under QEMU: the same number every time.

QEMU's own speed says nothing about a processor, but its plug-in interface counts what the program
executes. ``-cpu`` decides which kernels XNNPACK picks. A call's instructions are the difference
between runs of few and of more calls, so loading and planning are not in them.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from kws.benchmark import chains
from kws.errors import KwsError

SIZES = (64, 100, 128, 256, 300, 512, 1024, 1674, 2048)
RANKS = (1, 2, 4, 8)
BATCHES = (1, 98)
TARGETS = ("cortex-a53", "cortex-a76")
SYSROOT = Path("/usr/aarch64-linux-gnu")


def count(command: list, cpu: str, plugin: Path) -> int:
    """Instructions that an aarch64 program executes from start to exit.

    Args:
        command: the program and its arguments.
        cpu: as ``qemu-aarch64 -cpu help`` lists them.
        plugin: libcount_instructions.so, built from export/qemu for this machine.

    Raises KwsError if QEMU, its plug-in interface or the program is missing or fails.
    """
    emulator = shutil.which("qemu-aarch64")
    if emulator is None:
        raise KwsError("no qemu-aarch64 here; on Debian: apt-get install qemu-user")
    for path in (plugin, Path(command[0])):
        if not path.is_file():
            raise KwsError(f"{path} is not built; run: make ops-aarch64")
    run = subprocess.run(
        [emulator, "-cpu", cpu, "-L", SYSROOT, "-plugin", plugin.absolute(), *command],
        capture_output=True,
        text=True,
    )
    last = run.stderr.strip().rpartition("\n")[2]
    if run.returncode != 0 or not last.startswith("instructions: "):
        raise KwsError(f"{Path(command[0]).name} failed under QEMU: {last}")
    return int(last.removeprefix("instructions: "))


def per_call(command: Callable[[int], list], cpu: str, plugin: Path) -> float:
    """Instructions of one call, of ``command(calls)``, which makes that many."""
    few, more = 2, 6
    return (count(command(more), cpu, plugin) - count(command(few), cpu, plugin)) / (more - few)


def bench_instructions(
    cpu: str,
    tflite: Path,
    built: Path,
    plugin: Path,
    sizes: tuple[int, ...] = SIZES,
    ranks: tuple[int, ...] = RANKS,
    batches: tuple[int, ...] = BATCHES,
    report: Callable[[str], None] = print,
) -> list[dict]:
    """Count a KwsToeplitzLike and a float32 FULLY_CONNECTED with XNNPACK, n×n on a batch.

    Args:
        cpu: one of TARGETS.
        tflite: libtensorflowlite_c.so for aarch64, with XNNPACK in it, as the wheel
            pymicro-wakeword has it.
        built: where ``make ops-aarch64`` has put invoke_tflite and libkws_ops.so.
        plugin: as for ``count``.
        report: gets a line for each size and batch.

    Returns rows ``{"n", "rank", "batch", "instructions", "dense_f32_instructions",
    "speedup_vs_dense_f32"}``, the whole of a call of the interpreter; the last is a ratio of
    instructions. Raises KwsError as ``count`` does.
    """
    if not tflite.is_file():
        raise KwsError(f"{tflite} does not exist; take libtensorflowlite_c.so for aarch64")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.tflite"

        def layer(contents: bytes, operators: str | Path) -> float:
            model.write_bytes(contents)
            program = built / "invoke_tflite"
            return per_call(
                lambda calls: [program, tflite.absolute(), model, str(calls), operators],
                cpu,
                plugin,
            )

        for n in sizes:
            for batch in batches:
                dense = layer(chains.dense(n, batch, 1), "xnnpack")
                for rank in ranks:
                    own = layer(
                        chains.structured(n, rank, batch, 1), (built / "libkws_ops.so").absolute()
                    )
                    rows.append(
                        {
                            "n": n,
                            "rank": rank,
                            "batch": batch,
                            "instructions": own,
                            "dense_f32_instructions": dense,
                            "speedup_vs_dense_f32": dense / own,
                        }
                    )
                ratios = " ".join(
                    f"{row['speedup_vs_dense_f32']:.2f}" for row in rows[-len(ranks) :]
                )
                report(f"{cpu} n {n:5} batch {batch:3}: dense {dense:12.0f}, ratios {ratios}")
    return rows

"""Cycles of the FFT's inner loops as llvm-mca models them, from a compiled kernels.c.

    python export/tools/butterfly_cycles.py \\
        build/aarch64/CMakeFiles/kws_simd4.dir/export/ldr/kernels.c.o aarch64 cortex-a53 cortex-a76

Takes the architecture (aarch64 or x86_64) and processors as LLVM names them; needs llvm-mca and
the architecture's objdump. A line for each innermost loop of the forward transform, in order: the
pass of radix 2, that of radix 4, the last W x W squares. Everything is taken to be in the cache.
"""

import re
import shutil
import subprocess
import sys

ITERATIONS = 100


def innermost_loops(disassembly: str, function: str) -> list[list[str]]:
    """Instructions of each loop of a function that has no branch but the one back to its start."""
    body = disassembly.split(f"<{function}>:")[1].split("\n\n")[0]
    code = []
    for line in body.splitlines():
        if match := re.match(r"\s*([0-9a-f]+):\s+(.+?)\s*(?://.*|# .*|<.*)?$", line):
            code.append((int(match[1], 16), match[2]))
    places = {address: place for place, (address, _) in enumerate(code)}
    branch = re.compile(r"(?:b|b\.\w+|cbn?z|tbn?z|ret|bl|j\w+|call)\b")
    loops = []
    for place, (_, text) in enumerate(code):
        back = re.match(r"(?:b\.\w+|j\w+)\s+([0-9a-f]+)$", text)
        start = places.get(int(back[1], 16), place) if back else place
        inside = [text for _, text in code[start:place]]
        if inside and not any(branch.match(text) for text in inside):
            loops.append(inside)
    return loops


def cycles(loop: list[str], architecture: str, cpu: str) -> float:
    """Cycles of one turn, in the long run."""
    run = subprocess.run(
        ["llvm-mca", f"-mtriple={architecture}", f"-mcpu={cpu}", f"-iterations={ITERATIONS}"],
        input="\n".join(loop),
        capture_output=True,
        text=True,
        check=True,
    )
    return int(re.search(r"Total Cycles:\s+(\d+)", run.stdout)[1]) / ITERATIONS


def main() -> None:
    source, architecture, *cpus = sys.argv[1:]
    objdump = shutil.which(f"{architecture}-linux-gnu-objdump") or "objdump"
    listing = subprocess.run(
        [objdump, "-d", "--no-show-raw-insn", source], capture_output=True, text=True, check=True
    ).stdout
    for loop in innermost_loops(listing, "forward"):
        fused = sum(bool(re.match(r"v?fn?m(?:la|ls|add|sub)", text)) for text in loop)
        cells = [f"{cpu} {cycles(loop, architecture, cpu):.1f}" for cpu in cpus]
        print(f"{len(loop)} instructions, {fused} fused multiply-adds; cycles:", ", ".join(cells))


if __name__ == "__main__":
    main()

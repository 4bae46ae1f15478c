"""An ARM processor under QEMU: instructions, counted, in place of times."""

import itertools
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from kws.benchmark.candidates import Candidate
from kws.benchmark.instructions import of_each
from kws.benchmark.toolchain import prepare
from kws.tflite.graph import Graph
from kws.tflite.pack import pack, unpack
from kws.utils.errors import KwsError

# Of processors that have these cores: Raspberry Pi 3 B and 5.
PROCESSORS = {"cortex-a53": 1.2e9, "cortex-a76": 2.4e9}
INSTRUCTIONS_PER_CYCLE = 1.0

METHOD = (
    "Instructions: of one inference in TFLite 2.17.1's interpreter (C API, aarch64, XNNPACK, our "
    "op, one thread), executed under qemu-aarch64 with the CPU named, without front end and "
    "decision, counted between marks around the call; the same in every run. Milliseconds are an "
    "estimate from them: "
    f"{INSTRUCTIONS_PER_CYCLE:g} instruction a cycle, assumed, not measured, at "
    + " and ".join(f"{hertz / 1e9:g} GHz ({name})" for name, hertz in PROCESSORS.items())
    + ". An op's instructions are by how many more a model takes that ends behind it than one "
    "that ends before it."
)


class Qemu:
    """cpu: one of PROCESSORS. tflite: TFLite's C library for aarch64."""

    PROCESSORS = tuple(PROCESSORS)

    def __init__(self, cpu: str, tflite: Path | None = None):
        self.name, self._tflite = cpu, tflite

    def __enter__(self) -> "Qemu":
        self._machine = prepare(self._tflite)
        return self

    def __exit__(self, *exception) -> None:
        pass

    def conditions(self) -> dict:
        """Nothing that would matter to a count."""
        return {}

    def measure(
        self, models: Sequence[Candidate], rounds: int, report: Callable[[str], None] = print
    ) -> list[dict | str]:
        """A row for each model, in their order, or why one cannot be run; one round is as good
        as several."""
        rows: list[dict | str] = []
        for model in models:
            try:
                rows.append(self._row(model))
            except KwsError as error:
                rows.append(str(error))
                report(f"{self.name}: {model.name} is left out, {error}")
            else:
                report(f"{self.name}: {model.name} {rows[-1]['instructions']:,.0f} instructions")
        return rows

    def _row(self, model: Candidate) -> dict:
        (instructions,) = of_each(self._machine, self.name, [model.file])
        return {
            "target": self.name,
            "instructions": instructions,
            "estimated_ms": 1e3 * instructions / INSTRUCTIONS_PER_CYCLE / PROCESSORS[self.name],
            "ops": self._ops(model.file) if model.ours else [],
        }

    def _ops(self, model: Path) -> list[dict]:
        """What each op adds to the models that end before it; nothing if TFLite runs not all."""
        kinds, parts = [], []
        with tempfile.TemporaryDirectory() as folder:
            for kind, contents in beginnings(model.read_bytes()):
                kinds.append(kind)
                parts.append(Path(folder) / f"{len(parts)}.tflite")
                parts[-1].write_bytes(contents)
            try:
                counts = of_each(self._machine, self.name, parts)
            except KwsError:
                return []
        added = (after - before for before, after in itertools.pairwise([0, *counts]))
        return [
            {"op": kind, "instructions": instructions}
            for kind, instructions in zip(kinds, added, strict=True)
        ]


def beginnings(tflite: bytes) -> list[tuple[str, bytes]]:
    """For each op its name, and the model that ends with it: its outputs are all that is left to
    be used. Ops on constants alone, which a runtime does when it loads, end none."""
    given = unpack(tflite)
    graph = Graph(given)
    ready = {index for op in graph.operators for index in op.inputs if graph.is_constant(index)}
    ends = []
    for end, op in enumerate(graph.operators, 1):
        if set(op.inputs) <= ready | {-1}:
            ready |= set(op.outputs)
        else:
            ends.append(end)
    return [_beginning(tflite, end, ready) for end in ends]


def _beginning(tflite: bytes, end: int, ready: set[int]) -> tuple[str, bytes]:
    model = unpack(tflite)
    graph = Graph(model)
    rest = [i for op in graph.operators[end:] for i in op.inputs] + list(graph.outputs)
    graph.operators = graph.operators[:end]
    made = [index for op in graph.operators for index in op.outputs if index not in ready]
    model.subgraphs[0].outputs = [index for index in made if index in rest]
    model.signatureDefs = []
    return graph.kind(graph.operators[-1]), pack(model)

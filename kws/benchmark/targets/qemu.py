"""An ARM processor under QEMU: instructions are counted instead of times."""

import itertools
from collections.abc import Sequence
from pathlib import Path

from kws.benchmark.emulator import prepare
from kws.benchmark.model_files import ModelFile
from kws.tflite.graph import Graph
from kws.tflite.pack import pack, unpack
from kws.utils.errors import KwsError

# Clock rates of devices with these cores: Raspberry Pi 3 B and 5.
PROCESSORS = {"cortex-a53": 1.2e9, "cortex-a76": 2.4e9}
INSTRUCTIONS_PER_CYCLE = 1.0

METHOD = (
    "Instructions: of one inference in TFLite 2.17.1's interpreter (C API, aarch64, XNNPACK, "
    "our op, one thread), executed under qemu-aarch64 with the CPU named, without front end "
    "and decision, counted between marks around the call; the same in every run. Milliseconds "
    "are an estimate from them: "
    f"{INSTRUCTIONS_PER_CYCLE:g} instruction a cycle, assumed, not measured, at "
    + " and ".join(f"{hertz / 1e9:g} GHz ({name})" for name, hertz in PROCESSORS.items())
    + ". An op's instructions are the difference between two models: one that ends with this "
    "op, and one that ends before it."
)


class Qemu:
    """cpu: one of PROCESSORS. tflite: TFLite's C library for aarch64."""

    method = METHOD

    def __init__(self, cpu: str, tflite: Path | None = None):
        self.name, self._tflite = cpu, tflite

    def __enter__(self) -> "Qemu":
        self._emulator = prepare(self._tflite)
        return self

    def __exit__(self, *exception) -> None:
        pass

    def conditions(self) -> dict:
        """Empty: no condition changes a count."""
        return {}

    def measure(self, models: Sequence[ModelFile], rounds: int) -> list[dict | str]:
        """A row for each model, in their order, or why one cannot be run.

        A row: ``{"instructions", "estimated_ms", "ops": [{"op", "instructions"}]}``; ops is empty
        for other projects' models. Every round would give the same, so there is one.
        """
        rows: list[dict | str] = []
        for model in models:
            try:
                (instructions,) = self._emulator.instructions(self.name, [model.path.read_bytes()])
            except KwsError as error:
                rows.append(str(error))
                print(f"{self.name}: {model.name} is left out, {error}")
                continue
            print(f"{self.name}: {model.name} {instructions:,} instructions")
            cycles = instructions / INSTRUCTIONS_PER_CYCLE
            rows.append(
                {
                    "instructions": instructions,
                    "estimated_ms": 1e3 * cycles / PROCESSORS[self.name],
                    "ops": self._ops(model.path) if model.ours else [],
                }
            )
        return rows

    def _ops(self, model: Path) -> list[dict]:
        """What each op adds to the model that ends before it; empty if one of these models
        cannot be run."""
        kinds, prefixes = zip(*prefix_models(model.read_bytes()), strict=True)
        try:
            counts = self._emulator.instructions(self.name, prefixes)
        except KwsError:
            return []
        added = (after - before for before, after in itertools.pairwise([0, *counts]))
        return [
            {"op": kind, "instructions": instructions}
            for kind, instructions in zip(kinds, added, strict=True)
        ]


def prefix_models(tflite: bytes) -> list[tuple[str, bytes]]:
    """For each op its name and the model that ends with it.

    Such a model's outputs are the tensors that later ops or the outputs use. Ops on constants
    alone, which a runtime computes when it loads, end no model.
    """
    graph = Graph(unpack(tflite))
    ready = {index for op in graph.operators for index in op.inputs if graph.is_constant(index)}
    ends = []
    for end, op in enumerate(graph.operators, 1):
        if set(op.inputs) <= ready | {-1}:
            ready |= set(op.outputs)
        else:
            ends.append(end)
    return [_prefix_model(tflite, end, ready) for end in ends]


def _prefix_model(tflite: bytes, end: int, ready: set[int]) -> tuple[str, bytes]:
    model = unpack(tflite)
    graph = Graph(model)
    used_later = [i for op in graph.operators[end:] for i in op.inputs] + list(graph.outputs)
    graph.operators = graph.operators[:end]
    made = [index for op in graph.operators for index in op.outputs if index not in ready]
    model.subgraphs[0].outputs = [index for index in made if index in used_later]
    model.signatureDefs = []
    return graph.kind(graph.operators[-1]), pack(model)

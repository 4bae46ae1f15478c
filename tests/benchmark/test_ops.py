"""The benchmark's models are what it says they are, and its results hold what it promises."""

import json
from pathlib import Path

import numpy as np
import pytest

from kws.benchmark import emulator, instructions, ops, toolchain
from kws.benchmark.emulator import Emulator
from kws.benchmark.synthetic_models import dense, no_operator, toeplitz_like
from kws.cli.main import main
from kws.convert.cost_model import load_costs, save_costs
from kws.tflite.inspect import inspect_model
from kws.tflite.pack import unpack
from kws.utils.errors import KwsError


@pytest.fixture(scope="module")
def result(tmp_path_factory) -> dict:
    path = tmp_path_factory.mktemp("bench") / "ops.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ops, "QUICK_SIZES", (64, 100))
        ops.bench_ops(path, quick=True)
    assert path.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    header, *rows = [
        line for line in path.with_suffix(".md").read_text().split("\n") if "|" in line
    ]
    assert header.startswith("| n | rank | µs, batch 1 |")
    assert len(rows) == 1 + 4
    return json.loads(path.read_text())


def test_every_case_is_there_and_consistent(result):
    cases = [(row["n"], row["batch"], row["rank"]) for row in result["rows"]]
    assert cases == [(n, b, r) for n in (64, 100) for b in (1, 98) for r in (1, 4)]
    for row in result["rows"]:
        assert row["speedup_vs_dense_f32"] == pytest.approx(row["dense_f32_us"] / row["us"])
        assert row["speedup_vs_dense_int8"] == pytest.approx(row["dense_int8_us"] / row["us"])
        generators = 4 * 2 * row["rank"] * row["n"]
        assert generators < row["file_bytes"] < generators + 1000
        matrix = 4 * row["n"] ** 2
        assert matrix < row["dense_file_bytes"] < matrix + 1000
        assert row["runtime_bytes"] > 0


def test_chains_hold_what_they_are_for():
    for data, kind, size in (
        (toeplitz_like(64, 2, 5, 3), "KwsToeplitzLike", 4 * 2 * 2 * 64),
        (dense(64, 5, 3), "FULLY_CONNECTED", 4 * 64 * 64),
        (dense(64, 5, 3, "int8"), "FULLY_CONNECTED", 64 * 64 + 4 * 64),
    ):
        rows = inspect_model(data)
        assert [(row.kind, row.bytes, row.output) for row in rows] == [(kind, size, (5, 64))] * 3
    assert inspect_model(no_operator(64, 5)) == []


def test_a_chain_of_dense_layers_is_a_product_of_matrices():
    interpreter = ops._load(dense(8, 3, 2))
    graph = unpack(dense(8, 3, 2))
    first, second = (
        np.frombuffer(bytes(buffer.data), np.float32).reshape(8, 8) for buffer in graph.buffers[1:]
    )
    x = interpreter.get_tensor(interpreter.get_input_details()[0]["index"])
    y = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_allclose(y, x @ first.T @ second.T, atol=1e-5)


def test_costs_of_several_targets_lie_side_by_side(result, tmp_path):
    path = tmp_path / "costs.json"
    save_costs(result["rows"], path=path)
    counted = {"n": 64, "rank": 1, "batch": 1, "instructions": 5, "dense_f32_instructions": 7}
    save_costs([counted], "cortex-a53", "instructions", path)
    rows, unit = load_costs("x86", path)
    assert (len(rows), unit) == (8, "µs")
    assert rows[0]["custom"] == result["rows"][0]["us"]
    assert load_costs("cortex-a53", path) == (
        [{"n": 64, "rank": 1, "batch": 1, "custom": 5, "dense": 7, "dense_int8": None}],
        "instructions",
    )
    with pytest.raises(KwsError, match="no costs measured for cortex-a76"):
        load_costs("cortex-a76", path)


def test_without_the_op_library_it_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(ops, "op_library", lambda: None)
    with pytest.raises(KwsError, match="not built"):
        ops.bench_ops(tmp_path / "ops.json")


class Stand(Emulator):
    """Stands in for QEMU: a call takes 7 instructions for each byte of the file."""

    def __init__(self):
        super().__init__(*[Path()] * 4)

    def invoke(self, cpu, *arguments, count=False):
        assert (cpu, arguments[0], count) == ("cortex-a53", "count", True)
        marks = [f"marked: {7 * model.stat().st_size}" for model in arguments[1:]]
        return "\n".join(["INFO: greetings", *marks, "instructions: 1000000"])


def test_instructions_of_every_case(tmp_path, monkeypatch):
    path = tmp_path / "ops.json"
    for name, values in {"QUICK_SIZES": (64,), "QUICK_RANKS": (1, 2), "BATCHES": (1,)}.items():
        monkeypatch.setattr(instructions, name, values)
    result = instructions.bench_instructions(path, "cortex-a53", Stand(), quick=True)
    assert json.loads(path.read_text()) == result
    assert path.with_suffix(".md").read_text().count("\n| ") == 1 + 2
    for rank, row in zip((1, 2), result["rows"], strict=True):
        assert row["instructions"] == 7 * len(toeplitz_like(64, rank, 1))
        assert row["dense_f32_instructions"] == 7 * len(dense(64, 1))
        assert row["ratio_vs_dense_int8"] == pytest.approx(
            row["dense_int8_instructions"] / row["instructions"]
        )
    save_costs(result["rows"], "cortex-a53", "instructions", tmp_path / "costs.json")
    rows, _ = load_costs("cortex-a53", tmp_path / "costs.json")
    assert rows[1]["dense_int8"] == 7 * len(dense(64, 1, kind="int8"))


def test_a_qemu_without_plugins_is_refused(monkeypatch):
    monkeypatch.setattr(Stand, "invoke", lambda self, *arguments, count: "INFO: greetings\n")
    with pytest.raises(KwsError, match="loads no plug-ins"):
        Stand().instructions("cortex-a53", [b"model"])


def test_what_is_missing_for_arm_is_said_in_one_line(monkeypatch, tmp_path):
    tools = {"qemu-aarch64": "qemu", "aarch64-linux-gnu-gcc": "gcc", "cmake": "cmake"}
    monkeypatch.setattr(toolchain.shutil, "which", tools.get)
    with pytest.raises(KwsError, match=r"absent\.so: is not"):
        emulator.prepare(tmp_path / "absent.so")
    monkeypatch.setenv("KWS_TFLITE_LIB", str(tmp_path / "named.so"))
    with pytest.raises(KwsError, match=r"named\.so: is not"):
        emulator.prepare()
    (tmp_path / "named.so").write_bytes(b"\x7fELF" + bytes(14) + (183).to_bytes(2, "little"))
    monkeypatch.setattr(toolchain, "CHECKOUT", tmp_path)
    with pytest.raises(KwsError, match="sources are not here"):
        emulator.prepare()
    del tools["qemu-aarch64"]
    with pytest.raises(KwsError, match="apt-get install qemu-user"):
        emulator.prepare()


def test_the_target_is_the_processor_that_the_library_is_for(capsys, tmp_path):
    command = ["bench", "ops", "--json", str(tmp_path / "ops.json"), "--tflite-lib", "any.so"]
    assert main(command) == 2
    assert "--target cortex-a53" in capsys.readouterr().err

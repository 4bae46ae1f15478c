"""The benchmark's models are what it says they are, and its results hold what it promises."""

import json

import numpy as np
import pytest

from kws.benchmark import instructions, ops, synthetic_models, toolchain
from kws.cli.main import main
from kws.convert.cost_model import load_costs, save_costs
from kws.tflite.inspect import inspect_model
from kws.tflite.pack import unpack
from kws.utils.errors import KwsError


@pytest.fixture(scope="module")
def result(tmp_path_factory) -> dict:
    path = tmp_path_factory.mktemp("bench") / "ops.json"
    lines: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ops, "QUICK_SIZES", (64, 100))
        ops.bench_ops(path, quick=True, report=lines.append)
    assert [line.split(":")[0].split() for line in lines] == [
        ["n", str(n), "batch", str(batch)] for n in (64, 100) for batch in (1, 98)
    ]
    assert path.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert path.with_suffix(".md").read_text().count("\n| ") == 1 + 4
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
        (synthetic_models.structured(64, 2, 5, 3), "KwsToeplitzLike", 4 * 2 * 2 * 64),
        (synthetic_models.dense(64, 5, 3), "FULLY_CONNECTED", 4 * 64 * 64),
        (synthetic_models.dense_int8(64, 5, 3), "FULLY_CONNECTED", 64 * 64 + 4 * 64),
    ):
        rows = inspect_model(data)
        assert [(row.kind, row.bytes, row.output) for row in rows] == [(kind, size, (5, 64))] * 3
    assert inspect_model(synthetic_models.nothing(64, 5)) == []


def test_a_chain_of_dense_layers_is_a_product_of_matrices():
    interpreter = ops._load(synthetic_models.dense(8, 3, 2))
    graph = unpack(synthetic_models.dense(8, 3, 2))
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


class Machine:
    """Stands in for QEMU: loading takes 1000 instructions, a call 7 for each byte of the file."""

    def invoke(self, cpu, model, calls, count=False):
        assert count
        return f"INFO: greetings\ninstructions: {1000 + 7 * calls * model.stat().st_size}\n"


def test_instructions_are_those_of_a_call_without_loading(tmp_path):
    path = tmp_path / "ops.json"
    result = instructions.bench_instructions(
        path, "cortex-a53", Machine(), (64,), (1, 2), (1,), report=lambda line: None
    )
    assert json.loads(path.read_text()) == result
    assert path.with_suffix(".md").read_text().count("\n| ") == 1 + 2
    for rank, row in zip((1, 2), result["rows"], strict=True):
        assert row["instructions"] == 7 * len(synthetic_models.structured(64, rank, 1, 1))
        assert row["dense_f32_instructions"] == 7 * len(synthetic_models.dense(64, 1, 1))
        assert row["ratio_vs_dense_int8"] == pytest.approx(
            row["dense_int8_instructions"] / row["instructions"]
        )
    save_costs(result["rows"], "cortex-a53", "instructions", tmp_path / "costs.json")
    rows, _ = load_costs("cortex-a53", tmp_path / "costs.json")
    assert rows[1]["dense_int8"] == 7 * len(synthetic_models.dense_int8(64, 1, 1))


def test_what_is_missing_for_arm_is_said_in_one_line(monkeypatch, tmp_path):
    tools = {"qemu-aarch64": "qemu", "aarch64-linux-gnu-gcc": "gcc", "cmake": "cmake"}
    monkeypatch.setattr(toolchain.shutil, "which", tools.get)
    with pytest.raises(KwsError, match=r"absent\.so: is not"):
        toolchain.prepare(tmp_path / "absent.so")
    monkeypatch.setenv("KWS_TFLITE_LIB", str(tmp_path / "named.so"))
    with pytest.raises(KwsError, match=r"named\.so: is not"):
        toolchain.prepare()
    (tmp_path / "named.so").write_bytes(b"\x7fELF" + bytes(14) + (183).to_bytes(2, "little"))
    monkeypatch.setattr(toolchain, "CHECKOUT", tmp_path)
    with pytest.raises(KwsError, match="sources are not here"):
        toolchain.prepare()
    del tools["qemu-aarch64"]
    with pytest.raises(KwsError, match="apt-get install qemu-user"):
        toolchain.prepare()


def test_the_target_is_the_processor_that_the_library_is_for(capsys, tmp_path):
    command = ["bench", "ops", "--json", str(tmp_path / "ops.json"), "--tflite-lib", "any.so"]
    assert main(command) == 2
    assert "--target cortex-a53" in capsys.readouterr().err

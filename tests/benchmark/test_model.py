"""``kws bench model``: what it measures on this machine, by ssh and under QEMU."""

import contextlib
import json
import shutil
import stat
from pathlib import Path

import pytest

from kws.benchmark import emulator
from kws.benchmark import model as bench
from kws.benchmark.model_files import find_models, kws_model, peer_models
from kws.benchmark.targets import choose
from kws.benchmark.targets.qemu import prefix_models
from kws.cli.main import main
from kws.tflite.inspect import inspect_model
from kws.utils.errors import KwsError
from kws.utils.provenance import provenance
from tests.conftest import ROOT

QUICKSTART = ROOT / "models" / "quickstart"
CUSTOM, DENSE = QUICKSTART / "custom.tflite", QUICKSTART / "dense.tflite"

needs_compiler = pytest.mark.skipif(
    not (shutil.which("cmake") and shutil.which("gcc")), reason="no cmake and gcc here"
)
needs_arm = pytest.mark.skipif(
    not (shutil.which("qemu-aarch64") and shutil.which("aarch64-linux-gnu-gcc")),
    reason="no qemu-aarch64 and gcc-aarch64-linux-gnu here",
)


def row(model: str, *latencies: float, **figures) -> dict:
    common = {"model": model, "target": "host", "file_bytes": 1000, "step_ms": 40.0}
    times = {"latency_us_rounds": list(latencies), "peak_bytes": 2048}
    if latencies:
        common |= times | {"latency_us": sorted(latencies)[len(latencies) // 2]}
    return common | figures


@needs_compiler
def test_models_side_by_side_on_this_machine(tmp_path, capsys):
    out = tmp_path / "host.json"
    arguments = ["bench", "model", str(CUSTOM), str(DENSE), "--quick", "--json", str(out)]
    assert main(arguments) == 0
    result = json.loads(out.read_text())
    assert [r["model"] for r in result["rows"]] == ["quickstart/custom", "quickstart/dense"]
    for r, file in zip(result["rows"], (CUSTOM, DENSE), strict=True):
        assert r["file_bytes"] == file.stat().st_size
        assert len(r["latency_us_rounds"]) == bench.QUICK_ROUNDS
        assert min(r["latency_us_rounds"]) <= r["latency_us"] <= max(r["latency_us_rounds"])
        kinds = [layer.kind for layer in inspect_model(file.read_bytes())]
        assert r["model_ops"] == len(kinds)
        # XNNPACK's ops are in its delegates; every other op has a row of its own, in order.
        own = [op for op in r["ops"] if op["op"] != "TfLiteXNNPackDelegate"]
        assert len(own) + r["xnnpack_ops"] == len(kinds)
        assert sorted(op["op"] for op in own) == sorted(
            kind for kind in kinds if kind in ("STRIDED_SLICE", "KwsToeplitzLike")
        )
        assert [op["index"] for op in r["ops"]] == sorted(op["index"] for op in r["ops"])
        assert all(op["us"] >= 0 for op in r["ops"])
        assert r["ops_us"] > 0
        assert 0 < r["arena_bytes"] < r["peak_bytes"]
        accuracy = json.loads((QUICKSTART / "results.json").read_text())["validation"]
        assert r["accuracy"] == accuracy[file.stem]["accuracy"]
    assert "| quickstart/custom |" in capsys.readouterr().out
    assert out.with_suffix(".md").is_file()
    assert out.with_suffix(".png").stat().st_size > 1000

    assert main(arguments) == 2
    assert "--force" in capsys.readouterr().err


@needs_compiler
def test_a_board_by_ssh(tmp_path, monkeypatch):
    """The ssh and scp that are found first run everything on this machine."""
    far = tmp_path / "far"
    programs = {
        "ssh": 'while [ "$1" = -o ]; do shift 2; done; [ "$1" = board ] || '
        '{ echo "ssh: Could not resolve hostname $1" >&2; exit 255; }; exec sh -c "$2"',
        "scp": 'while :; do case "$1" in -o) shift 2;; -*) shift;; *) break;; esac; done; '
        'exec cp "${1#board:}" "${2#board:}"',
    }
    far.mkdir()
    for name, script in programs.items():
        (far / name).write_text(f"#!/bin/sh\n{script}\n")
        (far / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{far}:{Path('/usr/bin')}:{Path('/bin')}")
    target = choose("ssh:board")
    with target:
        (measured,) = target.measure([kws_model(CUSTOM)], 2)
        report = target.run(CUSTOM, ["--no-audio", "--repeats", "20"])
        folder = Path(target.folder)
        assert folder.is_dir()
    assert measured["model_ops"] == len(inspect_model(CUSTOM.read_bytes()))
    assert report["ops_us"] == pytest.approx(sum(op.get("us", 0) for op in report["ops"]), abs=0.1)
    assert target.name == "ssh:board"
    assert not folder.exists()
    with pytest.raises(KwsError, match=r"cannot be reached: .*resolve"), choose("ssh:elsewhere"):
        pass


@needs_arm
def test_instructions_are_the_same_every_time():
    with choose("cortex-a53") as target:
        first, second = target.measure([kws_model(CUSTOM), kws_model(CUSTOM)], 1)
    assert first == second
    kinds = [op["op"] for op in first["ops"]]
    assert kinds == [layer.kind for layer in inspect_model(CUSTOM.read_bytes())]
    assert all(op["instructions"] > 0 for op in first["ops"])
    assert sum(op["instructions"] for op in first["ops"]) == first["instructions"]

    arm = emulator.prepare()

    def of_a_run(calls: int) -> int:
        """All instructions of a program with so many calls, loading and planning included."""
        said = arm.invoke("cortex-a53", CUSTOM, calls, count=True)
        return int(said.split("instructions: ")[1])

    assert first["instructions"] == pytest.approx(of_a_run(3) - of_a_run(2), rel=1e-4)


@needs_arm
def test_a_model_that_crashes_takes_no_other_with_it(tmp_path, monkeypatch, capsys):
    crash = tmp_path / "crash.tflite"
    shutil.copy(DENSE, crash)
    emulate = emulator.subprocess.run

    def run(command, **options):  # its emulator dies of a signal
        models = [Path(word) for word in command if str(word).endswith(".tflite")]
        if any(model.read_bytes() == DENSE.read_bytes() for model in models):
            command = ["sh", "-c", "kill -SEGV $$"]
        return emulate(command, **options)

    monkeypatch.setattr(emulator.subprocess, "run", run)
    out = tmp_path / "arm.json"
    models = [str(crash), str(CUSTOM)]
    assert main(["bench", "model", *models, "--target", "cortex-a53", "--json", str(out)]) == 0
    result = json.loads(out.read_text())
    assert [r["model"] for r in result["rows"]] == ["quickstart/custom"]
    (line,) = result["warnings"]
    assert line.startswith(f"cortex-a53: {tmp_path.name}/crash is left out")
    assert line.endswith("crashed (SIGSEGV)")
    assert line in capsys.readouterr().out


def test_prefixes_end_with_the_whole_model():
    parts = prefix_models(DENSE.read_bytes())
    layers = inspect_model(DENSE.read_bytes())
    assert [kind for kind, _ in parts] == [layer.kind for layer in layers]
    for number, (_, contents) in enumerate(parts, 1):
        assert [part.kind for part in inspect_model(contents)] == [k for k, _ in parts[:number]]


def test_models_with_overlapping_rounds():
    rows = [row("a", 10, 11, 12), row("b", 12, 13, 14), row("c", 20, 21, 22)]
    (line,) = bench.indistinguishable([*rows, row("d", 11, 11, 11, target="board")])
    assert "a (10.0 to 12.0 µs)" in line
    assert "b (12.0 to 14.0 µs)" in line


def test_names_of_models(tmp_path):
    files = sorted(QUICKSTART.glob("*.tflite"))
    found = find_models([QUICKSTART, DENSE], tmp_path)
    assert [c.name for c in found] == [f"quickstart/{f.stem}" for f in [*files, DENSE]]
    assert found[-1].step_ms == 40.0
    with pytest.raises(KwsError, match=r"no \.tflite"):
        find_models([tmp_path], tmp_path)
    with pytest.raises(KwsError, match="cannot be read"):
        find_models([tmp_path / "missing.tflite"], tmp_path)


def test_a_recipe_as_an_untrained_network(tmp_path):
    recipe = tmp_path / "tiny.toml"
    recipe.write_text('[data]\nwords = ["a"]\n[network]\nchannels = 8\nblocks = 1\nrank = 1\n')
    plain, dynamic = find_models([recipe], tmp_path)
    assert plain.name == "tiny (untrained)"
    assert plain.path.stat().st_size > 0 < dynamic.path.stat().st_size
    assert "KwsToeplitzLike" in [layer.kind for layer in inspect_model(plain.path.read_bytes())]


@needs_compiler
def test_other_projects_networks(tmp_path):
    pytest.importorskip("pymicro_wakeword")
    pytest.importorskip("pyopen_wakeword")
    found = peer_models(tmp_path)
    with choose("host") as target:
        rows = target.measure(found, 2)
    assert [c.step_ms for c in found] == [30.0, 80.0, 80.0, 80.0]
    assert all(row["latency_us"] > 0 for row in rows)


def test_figures_of_this_file_only(tmp_path):
    model = tmp_path / "small.tflite"
    score = {"model": {"file": "small.tflite"}, "frr_at_fa_per_hour": {"0.5": 0.04}}
    other = {"model": {"file": "large.tflite"}, "accuracy": 0.99}
    run = {"validation": {"small": {"accuracy": 0.9}}}
    for name, contents in {"score": score, "other": other, "results": run, "list": []}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(contents))
    (tmp_path / "broken.json").write_text("{")
    expected = {"accuracy": 0.9, "frr_at_fa_per_hour": {"0.5": 0.04}}
    assert bench.known_figures(model) == expected


def test_page_and_picture():
    rows = [
        row("a", 10, 11, 12, accuracy=0.95),
        row("b", 12, 13, 14),
        row("a", target="cortex-a53", instructions=2_000_000, ops=[{"instructions": 1_000_000}]),
    ]
    result = {"made_by": provenance(), "method": "m", "warnings": ["w"], "rows": rows}
    text = bench.page(result)
    assert "| a | 11.0 | 10.0 to 12.0 | 40 | 0.275 |" in text
    assert "## cortex-a53\n\n| model | instructions | ops' sum |" in text
    assert "| a | 2,000,000 | 50% | 40 |" in text
    panels = bench.picture(rows).axes
    assert [axes.get_title() for axes in panels] == [
        "host: µs an inference",
        "host: KiB of memory",
        "cortex-a53: million instructions",
        "KiB of file",
    ]
    assert [bar.get_width() for bar in panels[0].patches] == [11, 13]


@pytest.mark.parametrize("name", ["", "phone", "ssh:", "ssh:-oProxyCommand=x", "cortex-a54"])
def test_unknown_targets_are_refused(name):
    with pytest.raises(KwsError, match="there are host"):
        choose(name)


def test_counting_knows_no_threads():
    with pytest.raises(KwsError, match="one thread"):
        choose("cortex-a53", threads=2)


@needs_compiler
def test_a_model_that_is_none(tmp_path, capsys):
    model = tmp_path / "none.tflite"
    model.write_bytes(b"nothing")
    assert main(["bench", "model", str(model), "--json", str(tmp_path / "out.json")]) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert not (tmp_path / "out.json").exists()


def test_a_page_without_models_says_why(tmp_path):
    class Target(contextlib.nullcontext):
        name, method = "board", "m"

        def conditions(self) -> dict:
            return {}

        def measure(self, models, rounds) -> list:
            return ["crashed (SIGSEGV)"]

    out = tmp_path / "out.json"
    assert bench.bench_models(out, [kws_model(CUSTOM)], [Target()])["rows"] == []
    line = "- board: quickstart/custom is left out, crashed (SIGSEGV)"
    assert line in out.with_suffix(".md").read_text()
    assert not out.with_suffix(".png").exists()

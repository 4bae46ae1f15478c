"""``kws bench stream`` with a stand-in for the peers, which are an extra."""

import json

import pytest

from kws.benchmark import stream
from kws.cli.main import main


@pytest.fixture
def busy(monkeypatch):
    """A microWakeWord that does no more than go over each byte some times."""

    def peer() -> stream.Contender:
        return stream.Contender(
            "microWakeWord busy", 7, 30.0, lambda data: [sum(data) for _ in range(20)], sum
        )

    def missing() -> stream.Contender:
        raise ImportError("no such package", name="pyopen_wakeword")

    monkeypatch.setattr(stream, "_micro_wake_word", peer)
    monkeypatch.setattr(stream, "_open_wake_word", missing)


def test_rows_and_their_shares(trained, tmp_path, busy, capsys):
    models = [str(trained / "run" / f"{name}.tflite") for name in ("stream", "custom")]
    out = tmp_path / "stream.json"
    arguments = ["bench", "stream", *models, "--json", str(out), "--quick"]
    assert main(arguments) == 0
    assert "pyopen_wakeword is not installed and left out" in capsys.readouterr().out
    streaming, windowed, other = json.loads(out.read_text())["rows"]
    assert streaming["model"] == "run/stream.tflite"
    assert streaming["step_ms"] == windowed["step_ms"] == 40
    assert other["of_microwakeword"] == 1
    for row in (streaming, windowed, other):
        assert row["quartiles"][0] <= row["ms_per_second"] <= row["quartiles"][1]
        assert row["front_end_ms"] < row["ms_per_second"]
        share = row["ms_per_second"] / other["ms_per_second"]
        assert row["of_microwakeword"] == pytest.approx(share)
    assert "| run/stream.tflite |" in out.with_suffix(".md").read_text()
    assert out.with_suffix(".png").stat().st_size > 5000
    assert main(arguments) == 2  # the result is there already


def test_a_file_that_is_no_model_is_refused(tmp_path, capsys):
    (tmp_path / "m.tflite").write_bytes(b"no model")
    out = tmp_path / "out.json"
    assert main(["bench", "stream", str(tmp_path / "m.tflite"), "--json", str(out)]) == 1
    assert "not a TFLite file" in capsys.readouterr().err
    assert not out.exists()

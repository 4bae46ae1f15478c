"""``kws bench stream`` with a stand-in for the peers, which are an extra."""

import json

import pytest

from kws.benchmark import stream
from kws.cli.main import main
from kws.evaluation.systems import Peer
from tests.conftest import ROOT


@pytest.fixture
def busy(monkeypatch):
    """A microWakeWord that only adds up its bytes some times, and no openWakeWord."""

    class Busy(Peer):
        title, package, distribution, step_ms = "microWakeWord", "json", "no-such-one", 30.0

    class Absent(Peer):
        title, package, distribution = "openWakeWord", "no_such_package", "no-such-package"

    def engine(kind: type[Peer]) -> stream.Engine:
        assert kind is Busy
        return stream.Engine(
            "microWakeWord busy", 7, 30.0, lambda data: [sum(data) for _ in range(20)], sum
        )

    monkeypatch.setattr(stream, "PEERS", {"microwakeword": Busy, "openwakeword": Absent})
    monkeypatch.setattr(stream, "_peer", engine)


def test_rows_and_their_shares(tmp_path, busy, capsys):
    models = [
        str(ROOT / "models" / "quickstart" / f"{name}.tflite") for name in ("stream", "custom")
    ]
    out = tmp_path / "stream.json"
    arguments = ["bench", "stream", *models, "--json", str(out), "--quick"]
    assert main(arguments) == 0
    assert "no_such_package is not installed and left out" in capsys.readouterr().out
    streaming, windowed, other = json.loads(out.read_text())["rows"]
    assert streaming["model"] == "quickstart/stream.tflite"
    assert streaming["step_ms"] == windowed["step_ms"] == 40
    assert other["of_microwakeword"] == 1
    for row in (streaming, windowed, other):
        assert row["quartiles"][0] <= row["ms_per_second"] <= row["quartiles"][1]
        assert row["front_end_ms"] < row["ms_per_second"]
        share = row["ms_per_second"] / other["ms_per_second"]
        assert row["of_microwakeword"] == pytest.approx(share)
    assert "| quickstart/stream.tflite |" in out.with_suffix(".md").read_text()
    assert out.with_suffix(".png").stat().st_size > 5000
    assert main(arguments) == 2  # the result is there already


def test_a_file_that_is_no_model_is_refused(tmp_path, capsys):
    (tmp_path / "m.tflite").write_bytes(b"no model")
    out = tmp_path / "out.json"
    assert main(["bench", "stream", str(tmp_path / "m.tflite"), "--json", str(out)]) == 1
    assert "not a TFLite file" in capsys.readouterr().err
    assert not out.exists()

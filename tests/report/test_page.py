"""The report says what the results files say."""

import base64
import json
import re
from html.parser import HTMLParser

import pytest

from kws.cli.main import main
from kws.evaluation import rates
from kws.evaluation.rates import Point
from kws.report.results import read_results

MADE_BY = {"command": "kws score <x> & more", "date": "2026-11-23", "machine": "a board"}


def score(name: str, missed: int) -> dict:
    points = [Point(1.01, 40, 0), Point(0.8, missed + 2, 1), Point(0.6, missed, 7)]
    one = {**rates.summary(points, 40, 12.0), "latency_ms": {"median": 210, "p90": 300, "words": 9}}
    return {
        **one,
        "keyword": "alexa",
        "model": {"name": name, "file_bytes": 51234, "cpu_s_per_audio_s": 0.0025},
        "conditions": {"clean": one, "far": one},
        "false_alarms": [{"file": "speech/a.flac", "seconds": 3.5, "score": 0.93}],
        "background": [{"folder": "speech", "recordings": 3, "hours": 12.0}],
        "made_by": MADE_BY,
    }


@pytest.fixture
def folder(tmp_path):
    files = {
        "ours": score("ours <b>", 1),
        "theirs": score("theirs", 3),
        "words": {
            "words": {"up": score("", 2), "down": score("", 4)},
            "frr_at_fa_per_hour": {"0.1": 0.2, "0.5": 0.1, "1": 0.075},
            "clips": 80,
            "split": "validation",
            "hours": 12.0,
            "model": {"name": "words", "file_bytes": 9000, "cpu_s_per_audio_s": 0.001},
        },
        "classes": {
            "confusion": [[3, 1], [0, 4]],
            "labels": ["up", "down"],
            "accuracy": 0.875,
            "clips": 8,
            "made_by": MADE_BY,
        },
        "device": {
            "rows": [
                {"model": "a", "target": "host", "latency_us": 12.5, "peak_bytes": 4096},
                {"model": "b", "target": "host", "latency_us": 25.0, "peak_bytes": 8192},
            ]
        },
    }
    for name, data in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(data))
    return tmp_path


class Page(HTMLParser):
    """The texts of cells, and the addresses that the page refers to."""

    def __init__(self, text: str):
        super().__init__()
        self.cells, self.addresses = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.addresses += [value for key, value in attributes if key in ("src", "href")]
        if tag == "td":
            self.cells.append("")

    def handle_data(self, data):
        if self.cells:
            self.cells[-1] += data


def test_one_page_with_everything_in_it(folder):
    out = folder / "report.html"
    assert main(["report", str(folder), "--out", str(out), "--png", str(folder / "png")]) == 0
    page = Page(out.read_text())
    cells = [cell.strip() for cell in page.cells]
    assert "ours <b>" in cells  # and not a tag
    assert "2.5% (0.1–13.2)" in cells  # 1 of 40 at 7 in 12 hours
    assert "210" in cells
    assert "51" in cells
    assert MADE_BY["command"] in cells
    assert page.addresses
    for address in page.addresses:
        kind, data = address.split(";base64,")
        assert kind == "data:image/svg+xml"
        assert b"<svg" in base64.b64decode(data)[:2000]
    assert len(list((folder / "png").glob("*.png"))) == len(page.addresses)
    assert not re.search(r"https?://", out.read_text())


def test_wrong_requests(folder, tmp_path, capsys):
    (tmp_path / "other.json").write_text('{"name": "package"}')
    (tmp_path / "broken.json").write_text("{")
    out = ["--out", str(tmp_path / "r.html")]
    for path, says in [
        (tmp_path / "other.json", "holds no results"),
        (tmp_path / "broken.json", "not JSON"),
        (tmp_path / "missing.json", "cannot be read"),
    ]:
        assert main(["report", str(path), *out]) == 2
        assert says in capsys.readouterr().err
    assert not (tmp_path / "r.html").exists()


def test_two_results_of_one_model_have_different_names(folder):
    (folder / "again.json").write_text((folder / "ours.json").read_text())
    made = {"name": "alexa", "synthetic": score("alexa/stream", 2), "made_by": MADE_BY}
    (folder / "results.json").write_text(json.dumps(made))
    names = [result.name for result in read_results([folder]) if result.kind == "keyword"]
    assert names == ["ours <b> (again)", "ours <b> (ours)", "alexa/stream", "theirs"]

"""Scores of known events; ``kws score`` itself, with a released model."""

import json

import numpy as np
import pytest

from kws import audio
from kws.cli.main import main
from kws.evaluation import keyword, posteriors, streams
from kws.evaluation.conditions import Condition
from kws.evaluation.decisions import KeywordScores, match
from tests.conftest import QUICKSTART, ROOT
from tests.evaluation.stand_ins import ToneSystem, tones_at

MODEL = str(ROOT / "models" / "quickstart" / "dense.tflite")


def test_known_events(tmp_path):
    """Four recordings, one of them of another tone; two tones in the background."""
    for name, hertz in [("a", 500), ("b", 500), ("c", 500), ("d", 800)]:
        audio.write(tmp_path / f"{name}.wav", tones_at([(0.2, hertz)], 0.7))
    nested = tmp_path / "speech" / "deep"
    nested.mkdir(parents=True)
    audio.write(nested / "e.flac", tones_at([(3, 500), (9, 800), (20, 500)], 30))
    system = ToneSystem()
    words = streams.KeywordStream(sorted(tmp_path.glob("*.wav")), "tone", Condition("clean"))
    [background] = streams.background_streams([audio.survey(tmp_path / "speech")])
    positives = posteriors.stream_posteriors(system, words)
    other = posteriors.stream_posteriors(system, background)
    assert other.hours == pytest.approx(30 / 3600)
    found = keyword.KeywordPosteriors(system, "tone", {"clean": positives}, other)
    result = keyword.score_keyword(found)
    assert (result["positives"], result["hours"]) == (4, pytest.approx(30 / 3600, abs=1e-4))
    assert result["det"][-1]["frr"] == 0.25
    false = KeywordScores(system, other, "tone").triggers(0.7)
    assert [round(trigger.time) for trigger in false] == [3, 20]
    # The tone ends 0.5 s into its recording; it is reported within the average and a step.
    triggers = KeywordScores(system, positives, "tone").triggers(0.7)
    first, _ = match(triggers, positives.segments, "tone")
    ends = np.array([segment.word_end for segment in positives.segments])
    assert np.isnan(first).tolist() == [False, False, False, True]
    assert np.nanmax(np.abs(first - ends)) <= 0.16


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """Options of ``kws score`` and its results file."""
    folder = tmp_path_factory.mktemp("scored")
    for name in ("yes", "other"):
        (folder / name).mkdir()
    for path in sorted((QUICKSTART / "yes").glob("*.opus"))[:4]:
        (folder / "yes" / path.name).symlink_to(path)
    for k in range(4):
        audio.write(folder / "other" / f"{k}.ogg", tones_at([(1, 3000), (4, 2500)], 8))
    result = folder / "yes.json"
    options = ["--keyword", "yes", "--positives", str(folder / "yes"), "--no-far", "--snr", "10"]
    options += ["--background", str(folder / "other"), "--json", str(result)]
    assert main(["score", MODEL, *options, "--fit", "0.5", "--processes", "1"]) == 0
    return options, result


def test_the_command(scored, capsys):
    options, file = scored
    result = json.loads(file.read_text())
    assert result["positives"] == 4
    assert result["hours"] == pytest.approx(32 / 3600, abs=1e-3)
    assert set(result["frr_at_fa_per_hour"]) == {"0.1", "0.5", "1"}
    assert set(result["conditions"]) == {"clean", "noise 10 dB"}
    assert not result["intervals"]["0.1"]["enough_hours"]
    assert result["decision"]["thresholds"]["yes"] <= 1
    assert result["made_by"]["command"].startswith("kws")
    assert main(["score", MODEL, *options]) == 2
    assert "--force" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (["--keyword", "jarvis"], "does not know the keyword"),
        (["--positives", "nowhere"], "no such folder"),
        (["--clips", "x"], "not both"),
        (["--write"], "--fit"),
        (["--fit", "0"], "above 0"),
    ],
)
def test_wrong_requests(scored, change, says, capsys):
    options, _ = scored
    assert main(["score", MODEL, *options, "--force", *change]) == 2
    message = capsys.readouterr().err
    assert says in message
    assert message.count("\n") == 1

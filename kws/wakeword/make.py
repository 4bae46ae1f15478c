"""A wake word from its text: ``kws new-keyword "hey jarvis"``.

OUT/clips/           the phrase and words that sound like it, by many synthetic voices
OUT/tuning/          recordings of both kinds that are not used in the training
OUT/recipe.toml      the network
OUT/background.npz   speech without the phrase, and its speech embeddings
OUT/scenes.npz       scenes with the phrase and without it
OUT/encoder.keras    a small network that predicts the embeddings
OUT/model.keras      the trained network
OUT/stream.tflite    the model; its threshold is fitted to the wanted false alarms
OUT/results.json     figures on the recordings in OUT/tuning
OUT/README.md        a card

Every step leaves its result in OUT, so that a run that was stopped goes on.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from kws import audio, recipe
from kws.audio.levels import trim
from kws.datasets import negatives
from kws.datasets.noise import Noise
from kws.recipe import Recipe
from kws.synthesis import kokoro_files, sentences
from kws.synthesis.confusables import confusables
from kws.synthesis.engines import is_held_out
from kws.synthesis.synthesize import folder_name, synthesize
from kws.synthesis.voice_conversion import convert_voice
from kws.training.embedded_audio import EmbeddedAudio, concatenate, embed_recordings
from kws.training.run_folder import (
    ENCODER,
    NETWORK,
    RESULTS,
    init_run,
    read_network,
    save_network,
)
from kws.training.speech_embedding import SpeechEmbedding
from kws.utils.console import Progress, load_keras, note
from kws.utils.errors import KwsError
from kws.utils.files import replacing, write_bytes, write_text
from kws.utils.provenance import provenance
from kws.wakeword.examples import Examples, SpokenWords, as_audio, draw_examples
from kws.wakeword.scenes import Scenes

RECIPE_TEXT = """# A wake word made of its text: kws new-keyword "{phrase}"

[data]
words = ["{name}"]
seconds = {seconds}

[network]
family = "encoder"
structure = "dense"
stack = 1
channels = 96
blocks = 4
kernel = 7
stride = 2

[training]
encoder_epochs = 14
"""
SCENES, BACKGROUND = "scenes.npz", "background.npz"
STREAM = "stream.tflite"
_CONFUSABLES = 40
_CONFUSABLE_CLIPS = 8  # of each, by each engine
_SCENES = 20_000
_SENTENCES = 300  # a fifth of them if there are recordings
_SMOOTHING_MS = 150
_CONVERTED = 3  # further speakers made of each
_WORD_TAIL = 0.45  # seconds that a window is longer than the longest words
_SHORTEST = 1.2  # seconds of a window; five filters of seven steps do not fit into less
_TUNING = 5  # one background recording in so many is kept for tuning


def make(
    phrase: str,
    out: Path,
    *,
    background: Sequence[Path] = (),
    noise: Path | None = None,
    recordings: Path | None = None,
    false_alarms: float = 0.5,
    clips: int = 300,
) -> dict:
    """Make the wake word's model in ``out``; returns the contents of results.json.

    background: folders of speech in which the phrase is not said, used with synthetic sentences.
    noise: a folder of recorded noise, made-up noise by default. recordings: a folder of the phrase
    said by its users, two thirds for training and a third for tuning. false_alarms: per hour, which
    the threshold is fitted to. clips: of the phrase, by each speech engine. Raises KwsError for a
    phrase that cannot be said, for fewer than three recordings, and as ``init_run`` does.
    """
    name = folder_name(phrase)
    surveys = [audio.survey(folder) for folder in background]
    others = [path for survey in surveys for path in survey.paths]
    users = audio.survey(recordings) if recordings else None
    if users and len(users.paths) < 3:
        raise KwsError(f"{recordings}: holds {len(users.paths)} recordings; make at least three", 2)
    steps: dict[str, dict] = {}
    with _timed("clips", steps):
        confusable = _synthesize(phrase, out / "clips", clips)
    keyword = _keep_for_tuning(out, name, others, users)
    bank = Noise(noise)
    for survey in (users, *surveys, bank.survey):
        if survey:
            note(survey.summary())
    text = RECIPE_TEXT.format(phrase=phrase, name=name, seconds=_window(keyword))
    init_run(out, text, fresh=False)
    plan = recipe.parse(text)
    if not (out / NETWORK).exists():
        load_keras()
        with _timed("background", steps):
            speech = _speech(others)
            embedded = _kept(
                out / BACKGROUND,
                EmbeddedAudio,
                lambda: embed_recordings(speech, plan.frontend, SpeechEmbedding()),
            )
        with _timed("scenes", steps):
            examples = _kept(
                out / SCENES, Examples, lambda: _draw(plan, keyword, confusable, speech, bank)
            )
        with _timed("encoder", steps):
            encoder = _train_encoder(out, plan, examples, embedded, bank)
        with _timed("head", steps):
            _train_head(out, plan, encoder, examples, embedded)
    with _timed("scoring", steps):
        results = _score(out, name, false_alarms)
    results = {**results, "steps": steps, "made_by": provenance()}
    write_text(out / RESULTS, json.dumps(results, indent=1) + "\n")
    _write_card(out, phrase, results)
    return results


@contextmanager
def _timed(step: str, steps: dict[str, dict]) -> Iterator[None]:
    """Print and keep the time that a step took, with that of its processes."""
    wall, cpu = time.monotonic(), sum(os.times()[:4])
    yield
    took = {"seconds": time.monotonic() - wall, "cpu_seconds": sum(os.times()[:4]) - cpu}
    steps[step] = {key: round(seconds) for key, seconds in took.items()}
    note(f"{step}: {took['seconds']:.0f} s, {took['cpu_seconds']:.0f} s of CPU time")


def _kept(path: Path, kind: type, compute: Callable[[], object]):
    """The ``kind`` whose arrays are kept in a .npz file; ``compute`` makes it the first time."""
    if path.exists():
        with np.load(path) as arrays:
            return kind(**arrays)
    computed = compute()
    with replacing(path) as temporary:
        np.savez(temporary, **vars(computed))
    return computed


def _synthesize(phrase: str, out: Path, count: int) -> list[Path]:
    """Make clips of the phrase and of words that sound like it; returns the folders of these."""
    words = confusables(phrase, _CONFUSABLES)
    engines = ["espeak", "kokoro"] if kokoro_files.available() else ["espeak"]
    for engine in engines:
        with Progress(f"clips by {engine}") as progress:
            synthesize([phrase], count, out / engine, engine, progress=progress)
            synthesize(words, _CONFUSABLE_CLIPS, out / engine, engine, progress=progress)
    note(f"clips of {phrase}, and of {len(words)} words like it: {', '.join(words[:8])} …")
    return [out / engine / folder_name(word) for engine in engines for word in words]


def _keep_for_tuning(
    out: Path, name: str, others: Sequence[Path], users: audio.Survey | None
) -> list[Path]:
    """Copy what is kept for tuning to OUT/tuning; returns the phrase's clips for the training.

    Kept are the phrase's clips by held-out voices, every third of the users' recordings, and a
    fifth of the background.
    """
    clips = audio.find(out / "clips" / "espeak" / name)
    clips += audio.find(out / "clips" / "kokoro" / name) if kokoro_files.available() else []
    held_out = [path for path in clips if is_held_out(path.name.partition("_nohash_")[0])]
    recorded = users.paths if users else []
    _copy(held_out + recorded[::3], out / "tuning" / "positives")
    _copy([path for path in others if _is_for_tuning(path)], out / "tuning" / "background")
    # The users' few recordings count half as much as the many synthetic clips.
    trained = [path for k, path in enumerate(recorded) if k % 3]
    repeats = len(clips) // (2 * len(trained) or 1)
    return [path for path in clips if path not in held_out] + trained * repeats


def _is_for_tuning(path: Path) -> bool:
    return hashlib.sha256(path.name.encode()).digest()[0] % _TUNING == 0


def _copy(paths: Sequence[Path], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        with replacing(folder / f"{path.parent.name}-{path.name}") as temporary:
            shutil.copyfile(path, temporary)


def _window(keyword: Sequence[Path]) -> float:
    """Seconds of the network's window: nearly all clips fit, with room for the next word."""
    lengths = [len(trim(audio.read(path))) / audio.RATE for path in keyword[:400]]
    return round(max(_SHORTEST, float(np.quantile(lengths, 0.9)) + _WORD_TAIL), 1)


def _speech(others: Sequence[Path]) -> list[np.ndarray]:
    """Speech without the keyword: synthetic sentences, and the background not kept for tuning."""
    with Progress("sentences") as progress:
        count = _SENTENCES // 5 if others else _SENTENCES
        synthetic = sentences.speak_sentences(count, progress=progress)
    with Progress("recordings read") as progress:
        chosen = [path for path in others if not _is_for_tuning(path)]
        recorded = negatives.read_speech(chosen, progress)
    hours = sum(map(len, recorded)) / audio.RATE / 3600
    note(f"background: {len(synthetic)} synthetic sentences, {hours:.1f} hours of recordings")
    return recorded + synthetic


def _draw(plan: Recipe, keyword, confusable: Sequence[Path], speech, noise: Noise) -> Examples:
    """Examples of scenes with the keyword's clips, further speakers made of them, and others."""
    rng = np.random.default_rng(plan.training.seed)
    words = [trim(audio.read(path)) for path in keyword]
    # Where there are other clips, none are made of espeak-ng's: its voices are crude.
    human = [word for word, path in zip(words, keyword, strict=True) if "espeak" not in path.parts]
    sources, converted = (human or words) * _CONVERTED, []
    with Progress("more speakers") as progress:
        for source in sources:
            converted.append(convert_voice(source, rng))
            progress(len(converted), len(sources))
    similar = [trim(audio.read(path)) for folder in confusable for path in audio.find(folder)]
    return draw_examples(
        SpokenWords(words + converted, similar),
        Scenes(plan.samples, speech, noise),
        plan.frontend,
        SpeechEmbedding(),
        _SCENES,
        plan.training.seed,
    )


def _train_encoder(
    out: Path, plan: Recipe, examples: Examples, background: EmbeddedAudio, noise: Noise
):
    import keras

    from kws.training.encoder import train_encoder

    if (out / ENCODER).exists():
        return read_network(out / ENCODER)
    keras.utils.set_random_seed(plan.training.seed)
    return train_encoder(plan, concatenate([background, as_audio(examples)]), noise, out)


def _train_head(
    out: Path, plan: Recipe, encoder, examples: Examples, background: EmbeddedAudio
) -> None:
    import keras

    from kws import networks
    from kws.wakeword.head import train_head

    keras.utils.set_random_seed(plan.training.seed)
    network = networks.build(plan.network, plan.shape, 3)
    train_head(network, encoder, examples, background)
    save_network(network, out / NETWORK)


def _score(out: Path, name: str, false_alarms: float) -> dict:
    """Export, fit the threshold on OUT/tuning, and score there."""
    from kws.evaluation.conditions import conditions
    from kws.evaluation.decisions import match
    from kws.evaluation.keyword import keyword_posteriors, score_keyword
    from kws.evaluation.threshold import extrapolated_threshold
    from kws.pipeline import export
    from kws.tflite.metadata import read_model, write_metadata

    file, tuning = out / STREAM, out / "tuning"
    size, _ = export(out, file, lowering="dense", quantize="compact", force=True, streaming=True)
    if not audio.find(tuning / "background"):
        note("no background was given: the threshold stays 0.7; try it with --background DIR")
        return {"name": name, "file_bytes": size}
    with Progress("streams") as progress:
        posteriors = keyword_posteriors(
            str(file),
            name,
            tuning / "positives",
            [tuning / "background"],
            conditions(None, [10.0], far=True),
            progress=progress,
        )
    hours = posteriors.background.hours
    scores = posteriors.scores(posteriors.background, _SMOOTHING_MS)
    threshold = round(extrapolated_threshold(false_alarms, scores, hours), 4)
    decision = {
        "smoothing_ms": _SMOOTHING_MS,
        "refractory_ms": posteriors.system.refractory_ms,
        "thresholds": {name: threshold},
    }
    data, metadata = read_model(file)
    write_bytes(file, write_metadata(data, metadata | {"decision": decision}))
    missed = {}
    for condition, positives in posteriors.positives.items():
        triggers = posteriors.scores(positives, _SMOOTHING_MS).triggers(threshold)
        times, _ = match(triggers, positives.segments, name)
        missed[condition] = round(float(np.isnan(times).mean()), 5)
    return {
        "name": name,
        "file_bytes": file.stat().st_size,
        "decision": decision,
        "at_threshold": {
            "false_alarms": len(scores.triggers(threshold)),
            "hours": round(hours, 4),
            "missed": missed,
        },
        "synthetic": score_keyword(posteriors, _SMOOTHING_MS),
    }


def _write_card(out: Path, phrase: str, results: dict) -> None:
    lines = [
        f"# {phrase}",
        "",
        f'Made from its text by `kws new-keyword "{phrase}"`: from synthetic voices, in made-up '
        "rooms and noise, against words that sound like it and against speech in which it is not "
        "said.",
        "",
        f"- `{STREAM}`: {results['file_bytes']:,} bytes, for `kws detect` and `kws listen`",
    ]
    if "synthetic" in results:
        fitted = results["at_threshold"]
        missed = ", ".join(f"{share:.1%} {name}" for name, share in fitted["missed"].items())
        lines += [
            f"- missed of {results['synthetic']['positives']} clips that were kept for tuning: "
            f"{missed}, at the fitted threshold, with {fitted['false_alarms']} false alarms in "
            f"{fitted['hours']:.2f} hours of background that was not trained with",
        ]
    lines += [
        "",
        "These figures are mostly of synthetic voices. People differ more: score the model on "
        f"recordings of people with `kws score {out.name}/{STREAM} --keyword … --positives DIR "
        "--background DIR` before you trust it.",
    ]
    write_text(out / "README.md", "\n".join(lines) + "\n")

"""A wake word from its text: ``kws new-keyword "hey jarvis"``.

OUT/clips/           the phrase and what sounds like it, by many synthetic voices
OUT/tuning/          voices, and background, that the training does not hear
OUT/recipe.toml      the network
OUT/examples.npz     scenes with the phrase and without
OUT/background.npz   speech without it, and what a large network makes of it
OUT/ear.keras        a small network that was asked for the same
OUT/model.keras      the trained network
OUT/stream.tflite    what detects; its threshold is fitted to the wanted false alarms
OUT/results.json     figures on what was kept for tuning
OUT/README.md        a card

Every step leaves its result in OUT, so that a run that was stopped goes on.
"""

import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
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
from kws.training.run_folder import ENCODER, NETWORK, RESULTS, init_run
from kws.training.speech_embedding import SpeechEmbedding
from kws.utils.console import EpochLines, Progress, load_keras, note
from kws.utils.errors import KwsError
from kws.utils.files import replacing, write_text
from kws.utils.provenance import provenance
from kws.wakeword.examples import Examples, SpokenWords, draw_examples
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
EXAMPLES, BACKGROUND = "examples.npz", "background.npz"
STREAM = "stream.tflite"
NEAR = 40  # words that sound alike
NEAR_CLIPS = 8  # of each, by each engine
SCENES = 20_000
SENTENCES = 300
SMOOTHING_MS = 150
ALTERED = 3  # speakers made of one
WORD_TAIL = 0.45  # seconds that a window is longer than the longest words
SHORTEST = 1.2  # seconds of a window; less does not hold five filters of seven steps
TUNING = 5  # one background recording in so many is kept for tuning


def make(
    phrase: str,
    out: Path,
    background: Sequence[Path] = (),
    noise: Path | None = None,
    recordings: Path | None = None,
    false_alarms: float = 0.5,
    clips: int = 300,
) -> dict:
    """Make the wake word's model in ``out``; returns what results.json holds.

    background: folders of speech in which the phrase is not said, beside the synthetic
    sentences; noise: recordings of noise, instead of synthetic ones; recordings: a folder of the
    phrase said by its users, two thirds for training and a third for tuning; false_alarms: an
    hour, that the threshold is fitted to; clips: of the phrase by each speech engine. Raises
    KwsError for a phrase that cannot be said, and as ``kws.run_folder.claim`` does.
    """
    name = folder_name(phrase)
    surveys = [audio.survey(folder) for folder in background]
    others = [path for survey in surveys for path in survey.paths]
    users = audio.survey(recordings) if recordings else None
    if users and len(users.paths) < 3:
        raise KwsError(f"{recordings}: holds {len(users.paths)} recordings; make at least three", 2)
    steps: dict[str, dict] = {}
    with _timed("clips", steps):
        near = _synthesised(phrase, out / "clips", clips)
    keyword = _keep_for_tuning(out, name, others, users)
    bank = Noise(noise)
    for survey in (users, *surveys, bank.survey):
        if survey:
            note(survey.summary())
    seconds = _window(keyword)
    text = RECIPE_TEXT.format(phrase=phrase, name=name, seconds=seconds)
    init_run(out, text, fresh=False)
    plan = recipe.parse(text)
    if not (out / NETWORK).exists():
        load_keras()
        with _timed("background", steps):
            speech = _speech(others)
            heard = _heard(out, plan, speech)
        with _timed("scenes", steps):
            examples = _examples(out, plan, keyword, near, speech, bank)
        with _timed("ear", steps):
            ear = _ear(out, plan, examples, heard, bank)
        with _timed("head", steps):
            _teach(out, plan, ear, examples, heard)
    with _timed("scoring", steps):
        results = _scored(out, name, false_alarms)
    results = {**results, "steps": steps, "made_by": provenance()}
    write_text(out / RESULTS, json.dumps(results, indent=1) + "\n")
    _write_card(out, phrase, results)
    return results


@contextmanager
def _timed(step: str, steps: dict[str, dict]) -> Iterator[None]:
    """Says and notes what a step took, its processes included."""
    wall, cpu = time.monotonic(), sum(os.times()[:4])
    yield
    took = {"seconds": time.monotonic() - wall, "cpu_seconds": sum(os.times()[:4]) - cpu}
    steps[step] = {what: round(seconds) for what, seconds in took.items()}
    _say(f"{step}: {took['seconds']:.0f} s, of CPU {took['cpu_seconds']:.0f} s")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _synthesised(phrase: str, out: Path, count: int) -> list[Path]:
    """Clips of the phrase and of what sounds like it; returns the folders of the latter."""
    near = confusables(phrase, NEAR)
    engines = ["espeak", "kokoro"] if kokoro_files.available() else ["espeak"]
    for engine in engines:
        with Progress(f"clips by {engine}") as progress:
            synthesize([phrase], count, out / engine, engine, progress=progress)
            synthesize(near, NEAR_CLIPS, out / engine, engine, progress=progress)
    _say(f"spoken: {phrase}, and {len(near)} near misses: {', '.join(near[:8])} …")
    return [out / engine / folder_name(word) for engine in engines for word in near]


def _keep_for_tuning(
    out: Path, name: str, others: Sequence[Path], users: audio.Survey | None
) -> list[Path]:
    """Copy what the training shall not hear to OUT/tuning; returns the clips it may hear.

    Of the phrase's clips those by held-out voices, of the user's recordings every third.
    """
    spoken = audio.find(out / "clips" / "espeak" / name)
    spoken += audio.find(out / "clips" / "kokoro" / name) if kokoro_files.available() else []
    kept = [path for path in spoken if is_held_out(path.name.partition("_nohash_")[0])]
    said = users.paths if users else []
    _copy(kept + said[::3], out / "tuning" / "positives")
    _copy([path for path in others if _is_for_tuning(path)], out / "tuning" / "background")
    # A user's few recordings count as much as the many synthetic ones.
    mine = [path for k, path in enumerate(said) if k % 3]
    return [path for path in spoken if path not in kept] + mine * (
        len(spoken) // (2 * len(mine) or 1)
    )


def _is_for_tuning(path: Path) -> bool:
    return hashlib.sha256(path.name.encode()).digest()[0] % TUNING == 0


def _copy(paths: Sequence[Path], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        with replacing(folder / f"{path.parent.name}-{path.name}") as temporary:
            shutil.copyfile(path, temporary)


def _window(keyword: Sequence[Path]) -> float:
    """Seconds of the network's window: nearly all of the clips fit, with room for the next word."""
    lengths = [len(trim(audio.read(path))) / audio.RATE for path in keyword[:400]]
    return round(max(SHORTEST, float(np.quantile(lengths, 0.9)) + WORD_TAIL), 1)


def _speech(others: Sequence[Path]) -> list[np.ndarray]:
    """Recordings without the keyword: the background that is not for tuning, and sentences."""
    with Progress("sentences") as progress:
        count = SENTENCES // 5 if others else SENTENCES
        synthetic = sentences.speak_sentences(count, progress=progress)
    with Progress("recordings read") as progress:
        chosen = [path for path in others if not _is_for_tuning(path)]
        recorded = negatives.read_speech(chosen, progress)
    hours = sum(map(len, recorded)) / audio.RATE / 3600
    _say(f"background: {len(synthetic)} synthetic sentences, {hours:.1f} hours of recordings")
    return recorded + synthetic


def _examples(
    out: Path, plan: Recipe, keyword, near: Sequence[Path], speech, noise: Noise
) -> Examples:
    if (out / EXAMPLES).exists():
        with np.load(out / EXAMPLES) as kept:
            return Examples(kept["features"], kept["kinds"], kept["embeddings"])
    rng = np.random.default_rng(plan.training.seed)
    words = [trim(audio.read(path)) for path in keyword]
    # Of espeak-ng's crude voices no more where there are others: they are a fifth of the words.
    human = [word for word, path in zip(words, keyword, strict=True) if "espeak" not in path.parts]
    altered = []
    with Progress("more speakers") as progress:
        for k, word in enumerate((human or words) * ALTERED):
            altered.append(convert_voice(word, rng))
            progress(k + 1, ALTERED * len(human or words))
    alike = [trim(audio.read(path)) for folder in near for path in audio.find(folder)]
    scenes = Scenes(plan.samples, speech, noise)
    with Progress("scenes") as progress:
        examples = draw_examples(
            SpokenWords(words + altered, alike),
            scenes,
            plan.frontend,
            SpeechEmbedding(),
            SCENES,
            plan.training.seed,
            progress,
        )
    with replacing(out / EXAMPLES) as temporary, open(temporary, "wb") as file:
        np.savez(file, **vars(examples))
    return examples


def _heard(out: Path, plan: Recipe, speech: Sequence[np.ndarray]):
    from kws.training.encoder import EmbeddedAudio, embed_recordings

    if (out / BACKGROUND).exists():
        with np.load(out / BACKGROUND) as kept:
            return EmbeddedAudio(kept["features"], kept["embeddings"], kept["whole"])
    with Progress("background heard") as progress:
        heard = embed_recordings(speech, plan.frontend, SpeechEmbedding(), progress)
    with replacing(out / BACKGROUND) as temporary, open(temporary, "wb") as file:
        np.savez(file, **vars(heard))
    return heard


def _ear(out: Path, plan: Recipe, examples: Examples, heard, noise: Noise):
    import keras

    from kws.training.encoder import concatenate, train_encoder
    from kws.training.run_folder import read_network
    from kws.wakeword.examples import embedded

    if (out / ENCODER).exists():
        return read_network(out / ENCODER)
    keras.utils.set_random_seed(plan.training.seed)
    told = EpochLines(plan.training.encoder_epochs)
    return train_encoder(plan, concatenate([heard, embedded(examples)]), noise, out, told)


def _teach(out: Path, plan: Recipe, ear, examples: Examples, heard) -> None:
    import keras

    from kws import networks
    from kws.training.run_folder import save_network
    from kws.wakeword.head import ROUNDS, train_head

    keras.utils.set_random_seed(plan.training.seed)
    network = networks.build(plan.network, plan.shape, 3)
    train_head(
        network,
        ear,
        examples,
        heard,
        lambda mining, loss: _say(f"  round {mining}/{ROUNDS} of mining  loss {loss:.3f}"),
    )
    save_network(network, out / NETWORK)


def _scored(out: Path, name: str, false_alarms: float) -> dict:
    """Export, fit the threshold on what was kept for tuning, and say what it does there."""
    from kws.evaluation.conditions import conditions
    from kws.evaluation.decisions import SmoothedPosteriors, match
    from kws.evaluation.keyword import keyword_posteriors, score_keyword
    from kws.evaluation.threshold import threshold_for
    from kws.pipeline import export
    from kws.tflite.metadata import read_model, write_metadata
    from kws.utils.files import write_bytes

    file = out / STREAM
    size, _ = export(out, file, lowering="dense", quantize="compact", force=True, streaming=True)
    tuning = out / "tuning"
    if not audio.find(tuning / "background"):
        _say("no background was given: the threshold stays 0.7; try it with --background DIR")
        return {"name": name, "file_bytes": size}
    with Progress("streams") as progress:
        hearing = keyword_posteriors(
            str(file),
            name,
            tuning / "positives",
            [tuning / "background"],
            conditions(None, [10.0], far=True),
            progress=progress,
        )
    system, background = hearing.system, hearing.background
    looks = SmoothedPosteriors(system, background, name, SMOOTHING_MS)
    threshold = round(threshold_for(false_alarms, looks, background.hours), 4)
    decision = {
        "smoothing_ms": SMOOTHING_MS,
        "refractory_ms": system.refractory_ms,
        "thresholds": {name: threshold},
    }
    data, metadata = read_model(file)
    write_bytes(file, write_metadata(data, metadata | {"decision": decision}))
    missed = {}
    for condition, heard in hearing.positives.items():
        detections = SmoothedPosteriors(system, heard, name, SMOOTHING_MS).detections(threshold)
        found, _ = match(detections, heard.segments, name)
        missed[condition] = round(float(np.isnan(found).mean()), 5)
    return {
        "name": name,
        "file_bytes": file.stat().st_size,
        "decision": decision,
        "at_threshold": {
            "false_alarms": len(looks.detections(threshold)),
            "hours": round(background.hours, 4),
            "missed": missed,
        },
        "synthetic": score_keyword(hearing, SMOOTHING_MS),
    }


def _write_card(out: Path, phrase: str, results: dict) -> None:
    lines = [
        f"# {phrase}",
        "",
        f'Made from its text by `kws new-keyword "{phrase}"`: synthetic voices only, in rooms and '
        "noise that were made up too, against words that sound like it and against speech in "
        "which it is not said.",
        "",
        f"- `{STREAM}`: {results['file_bytes']:,} bytes, for `kws detect` and `kws listen`",
    ]
    if "synthetic" in results:
        fitted = results["at_threshold"]
        missed = ", ".join(f"{share:.1%} {what}" for what, share in fitted["missed"].items())
        lines += [
            f"- missed of {results['synthetic']['positives']} clips by voices that were not "
            f"trained with: {missed}, at the fitted threshold, with {fitted['false_alarms']} false "
            f"alarms in {fitted['hours']:.2f} hours of background that was not trained with",
        ]
    lines += [
        "",
        "These figures are of synthetic voices. People differ more: score the model on recordings "
        f"of people with `kws score {out.name}/{STREAM} --keyword … --positives DIR --background "
        "DIR` before you trust it.",
    ]
    write_text(out / "README.md", "\n".join(lines) + "\n")

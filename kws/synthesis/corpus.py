"""A corpus with few recordings of some words, completed with synthetic clips of them.

Recordings stay in their split; synthetic clips are for training alone. A word with very few
recordings also gets clips of them by other, converted voices.
"""

import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from kws import audio
from kws.audio.levels import trim
from kws.datasets import clips
from kws.synthesis.voice_conversion import convert_voice
from kws.utils.console import Progress
from kws.utils.errors import KwsError
from kws.utils.files import cache_folder, replacing, write_text

FEW = 50  # a word with fewer training recordings gets converted voices
CONVERTED = 10  # converted voices of one recording
CONVERTED_PREFIX = "altered"


def completed(
    recorded: Path, synthetic: Sequence[str], words: Sequence[str]
) -> tuple[Path, list[str]]:
    """The folder of the completed corpus, in the user's cache, and what was read to make it.

    synthetic: folders of synthetic clips, one folder a word. What is in the cache is kept. Raises
    KwsError if a folder is missing or empty.
    """
    folders = [Path(folder).expanduser() for folder in synthetic]
    for folder in folders:
        if not (folder.is_dir() and audio.find(folder)):
            raise KwsError(f"{folder}: holds no synthetic clips; make them: kws synthesize", 2)
    made_of = "\n".join([*(str(folder.resolve()) for folder in [recorded, *folders]), *words])
    out = cache_folder() / "completed" / hashlib.sha256(made_of.encode()).hexdigest()[:16]
    with Progress("converted clips") as progress:
        return out, complete(recorded, folders, words, out, progress=progress)


def complete(
    recorded: Path,
    synthetic: Sequence[Path],
    words: Sequence[str],
    out: Path,
    few: dict[str, int] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[str]:
    """Make ``out`` a corpus of the recorded one and of synthetic clips.

    Clips are linked, not copied, if the file system can. words: those of them with few recordings
    get converted voices. few: use only so many training recordings of these words, to find out how
    well synthetic clips replace them. Clips that are there are kept. Returns what was read, one
    line a folder. Raises KwsError as ``clips.scan`` does.
    """
    few = few or {}
    scanned = clips.scan(recorded)
    used: Counter[str] = Counter()
    chosen = []
    for clip in scanned:
        if clip.split == "training":
            used[clip.word] += 1
            if used[clip.word] > few.get(clip.word, len(scanned)):
                continue
        chosen.append(clip)
    for clip in chosen:
        _link(clip.path, out / clip.word / clip.path.name)
    for noise in audio.find(recorded / clips.NOISE) if (recorded / clips.NOISE).is_dir() else []:
        _link(noise, out / clips.NOISE / noise.name)
    surveys = [audio.survey(folder) for folder in synthetic]
    linked = []
    for survey in surveys:
        for path in survey.paths:
            linked.append(f"{path.parent.name}/{survey.folder.name}-{path.name}")
            _link(path, out / linked[-1])
    _convert_voices(chosen, words, out, progress)
    for split, name in clips.LISTS.items():
        listed = [f"{c.word}/{c.path.name}\n" for c in chosen if c.split == split]
        write_text(out / name, "".join(listed))
    write_text(out / clips.SYNTHETIC, "".join(f"{name}\n" for name in sorted(linked)))
    return [read.summary() for read in (scanned, *surveys)]


def _convert_voices(
    chosen: Sequence[clips.Clip],
    words: Sequence[str],
    out: Path,
    progress: Callable[[int, int], None],
) -> None:
    """Write clips by converted voices of the training recordings of words that have few."""
    todo = []
    for word in words:
        paths = [c.path for c in chosen if c.word == word and c.split == "training"]
        if len(paths) < FEW:
            for path in paths:
                names = (f"{CONVERTED_PREFIX}-{path.stem}_{k}.opus" for k in range(CONVERTED))
                todo += [(path, out / word / name) for name in names]
    for done, (path, target) in enumerate(todo, 1):
        if not target.exists():
            rng = np.random.default_rng([len(target.name), done])
            converted = convert_voice(trim(audio.read(path)), rng)
            clip = clips.fit(converted / max(1.0, np.abs(converted).max()), audio.RATE)
            with replacing(target) as temporary:
                audio.write(temporary, clip, format="OGG", subtype="OPUS")
        progress(done, len(todo))


def _link(path: Path, target: Path) -> None:
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(path.resolve(), target)
    except OSError:
        shutil.copyfile(path, target)

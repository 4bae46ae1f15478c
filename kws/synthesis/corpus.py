"""A corpus with too few recordings of some words, eked out with synthetic clips of them.

Recordings keep their side of the official split; nothing synthetic is validated with. Of the
words with few recordings, more speakers are made of each (``kws.corpus.speakers``).
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import soundfile

from kws import audio
from kws.audio.levels import trim
from kws.datasets import clips
from kws.synthesis.voice_conversion import convert_voice
from kws.utils.console import Progress
from kws.utils.errors import KwsError
from kws.utils.files import cache_folder, replacing, write_text

FEW = 50  # training recordings; a word with fewer is eked out with altered ones
CONVERTED = 10  # speakers made of one recording
CONVERTED_PREFIX = "altered"


def completed(recorded: Path, synthetic: Sequence[str], words: Sequence[str]) -> Path:
    """The eked-out corpus in the user's cache, made there unless it is. ``synthetic``: folders of
    synthetic clips, one folder a word. Raises KwsError where one is missing."""
    folders = [Path(folder).expanduser() for folder in synthetic]
    for folder in folders:
        if not (folder.is_dir() and audio.find(folder)):
            raise KwsError(f"{folder}: holds no synthetic clips; make them: kws synthesize", 2)
    made_of = "\n".join([*(str(folder.resolve()) for folder in [recorded, *folders]), *words])
    out = cache_folder() / "eked-out" / hashlib.sha256(made_of.encode()).hexdigest()[:16]
    with Progress("altered clips") as progress:
        complete(recorded, folders, words, out, progress=progress)
    return out


def complete(
    recorded: Path,
    synthetic: Sequence[Path],
    words: Sequence[str],
    out: Path,
    few: dict[str, int] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Make ``out`` a corpus of the recorded one and synthetic clips of ``words`` and others.

    Clips are linked, not copied, where the file system can. few: use only so many training
    recordings of these words, to find out how well synthetic clips stand in for them. What is
    there is kept. Raises KwsError as ``clips.scan`` does.
    """
    few = few or {}
    found = clips.scan(recorded)
    used: dict[str, int] = {}
    chosen = []
    for clip in found:
        if clip.split == "training":
            used[clip.word] = used.get(clip.word, 0) + 1
            if used[clip.word] > few.get(clip.word, len(found)):
                continue
        chosen.append(clip)
    for clip in chosen:
        _link(clip.path, out / clip.word / clip.path.name)
    for noise in audio.find(recorded / clips.NOISE) if (recorded / clips.NOISE).is_dir() else []:
        _link(noise, out / clips.NOISE / noise.name)
    made = []
    for folder in synthetic:
        for path in audio.find(folder):
            made.append(out / path.parent.name / f"{folder.name}-{path.name}")
            _link(path, made[-1])
    _convert_voices(chosen, words, out, progress)
    lists = {
        f"{split}_list.txt": [clip for clip in chosen if clip.split == split]
        for split in ("validation", "testing")
    }
    for name, listed in lists.items():
        write_text(out / name, "".join(f"{c.word}/{c.path.name}\n" for c in listed))
    names = sorted(path.relative_to(out).as_posix() for path in made)
    write_text(out / clips.SYNTHETIC, "".join(f"{name}\n" for name in names))


def _convert_voices(
    chosen: Sequence[clips.Clip], words: Sequence[str], out: Path, progress
) -> None:
    trained = {
        word: [c.path for c in chosen if c.word == word and c.split == "training"] for word in words
    }
    todo = [
        (path, out / word / f"{CONVERTED_PREFIX}-{path.stem}_{k}.opus")
        for word, paths in trained.items()
        if len(paths) < FEW
        for path in paths
        for k in range(CONVERTED)
    ]
    for done, (path, target) in enumerate(todo, 1):
        if not target.exists():
            rng = np.random.default_rng([len(target.name), done])
            altered = convert_voice(trim(audio.read(path)), rng)
            with replacing(target) as temporary:
                clip = clips.fit(altered / max(1.0, np.abs(altered).max()), audio.RATE)
                soundfile.write(temporary, clip, audio.RATE, format="OGG", subtype="OPUS")
        progress(done, len(todo))


def _link(path: Path, target: Path) -> None:
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(path, target)
    except OSError:
        shutil.copyfile(path, target)

"""Speech without the words, cut into clips: what a detector hears most of its life."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from kws import audio
from kws.audio.levels import loudness
from kws.datasets.clips import ClipSet, speaker_split
from kws.labels import UNKNOWN, label_names
from kws.utils.errors import KwsError

# Below this level a clip is a pause: 20 dB over the floor of a 16-bit recording's quietest.
_QUIETEST = 10 ** (-50 / 20)


def cut_negatives(folder: Path | str, words: list[str], samples: int, each: int = 4) -> ClipSet:
    """Clips of ``_unknown_`` cut from the recordings in ``folder``, nested or not.

    Only of the training speakers, four fifths by the hash of their name, which is what a file's
    name begins with: ``NAME-1-2.opus``, ``NAME_3.wav``; the others are left to be scored on.
    each: most clips from one recording, at even distances; a short recording is centred in
    silence. Raises KwsError if there are none.
    """
    folder = Path(folder).expanduser()
    paths = [path for path in audio.find(folder) if _split(path) == "training"]
    if not paths:
        raise KwsError(f"{folder}: holds no recordings of speech", 2)
    found = []
    for path in paths:
        speech = audio.read(path)
        missing = max(0, samples - len(speech))
        speech = np.pad(speech, (missing // 2, missing - missing // 2))
        count = min(each, len(speech) // samples)
        found += [speech[at : at + samples] for at in _starts(len(speech) - samples, count)]
    clips = np.stack(found)
    clips = clips[loudness(clips)[:, 0] > _QUIETEST]
    labels = np.full(len(clips), label_names(words).index(UNKNOWN), np.int32)
    samples = audio.to_int16(clips)
    return ClipSet(samples, labels, np.zeros(len(clips), bool))


def add_negatives(clips: ClipSet, negatives: ClipSet) -> ClipSet:
    """The clips of both, those of the first's unknown words repeated until they are half.

    Words said alone are what a model takes for its own; running speech must not crowd them out.
    """
    unknown = np.flatnonzero(clips.labels == negatives.labels[0])
    more = np.resize(unknown, max(0, len(negatives) - len(unknown)) if len(unknown) else 0)
    return ClipSet(
        np.concatenate([clips.samples, clips.samples[more], negatives.samples]),
        np.concatenate([clips.labels, clips.labels[more], negatives.labels]),
        np.concatenate([clips.synthetic, clips.synthetic[more], negatives.synthetic]),
    )


def _split(path: Path) -> str:
    return speaker_split(re.split(r"[-_]", path.stem)[0], validation=20, testing=0)


def _starts(last: int, count: int) -> np.ndarray:
    return np.linspace(0, last, count).astype(int)


_JOINED = 8.0  # seconds that short recordings are joined to, so that length is what counts
_PAUSE = 0.25  # seconds, at most, between them


def read_speech(
    folders: Sequence[Path | str],
    wanted: Callable[[Path], bool] = lambda path: True,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[np.ndarray]:
    """The wanted recordings under the folders, float32 (samples,); short ones joined at random.

    Raises KwsError for a recording that cannot be read.
    """
    rng = np.random.default_rng(0)
    paths = [path for folder in folders for path in audio.find(folder) if wanted(path)]
    read = []
    for done, path in enumerate(paths, 1):
        read.append(audio.read(path))
        progress(done, len(paths))
    short = [r for r in read if len(r) < _JOINED * audio.RATE / 2]
    rng.shuffle(short)
    return [r for r in read if len(r) >= _JOINED * audio.RATE / 2] + _joined(short, rng)


def _joined(clips: Sequence[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    groups: list[list[np.ndarray]] = [[]]
    length = 0
    for clip in clips:
        if length > _JOINED * audio.RATE:
            groups.append([])
            length = 0
        groups[-1] += [clip, np.zeros(int(rng.uniform(0, _PAUSE) * audio.RATE), np.float32)]
        length += len(clip)
    return [np.concatenate(group) for group in groups if group]

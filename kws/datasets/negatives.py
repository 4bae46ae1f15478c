"""Speech in which the words are not said: clips of ``_unknown_``, and whole recordings."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from kws import audio
from kws.audio.levels import loudness
from kws.datasets.clips import ClipSet, speaker_split
from kws.labels import UNKNOWN, label_names
from kws.utils.errors import KwsError

_QUIETEST = 10 ** (-50 / 20)  # below this loudness a clip is a pause
_EACH = 4  # most clips of one recording
_JOINED = 8.0  # seconds that short recordings are joined to
_PAUSE = 0.25  # seconds between them, at most


def cut_negatives(recordings: audio.Survey, words: Sequence[str], samples: int) -> ClipSet:
    """Clips of ``_unknown_``, ``samples`` samples each, cut from recordings of speech.

    Only the training speakers are used: four fifths of them, by the hash of their name. A file's
    name begins with it: ``NAME-1-2.opus``, ``NAME_3.wav``. The others are left for tests. A
    recording gives up to four clips, at even distances; a short one is centred in silence. Raises
    KwsError if there are none.
    """
    clips: list[np.ndarray] = []
    for path in recordings.paths:
        if _split(path) == "training":
            speech = audio.read(path)
            missing = max(0, samples - len(speech))
            speech = np.pad(speech, (missing // 2, missing - missing // 2))
            starts = np.linspace(0, len(speech) - samples, min(_EACH, len(speech) // samples))
            cut = [speech[at : at + samples] for at in starts.astype(int)]
            clips += [clip for clip in cut if loudness(clip) > _QUIETEST]
    if not clips:
        raise KwsError(f"{recordings.folder}: holds no recordings of speech", 2)
    labels = np.full(len(clips), label_names(words).index(UNKNOWN), np.int32)
    return ClipSet(audio.to_int16(np.stack(clips)), labels, np.zeros(len(clips), bool))


def add_negatives(clips: ClipSet, negatives: ClipSet) -> ClipSet:
    """The clips of both; the first's ``_unknown_`` clips are repeated until they are half.

    A model confuses words said alone with its own words more than running speech, so running
    speech must not outnumber them.
    """
    unknown = np.flatnonzero(clips.labels == negatives.labels[0])
    more = np.resize(unknown, max(0, len(negatives) - len(unknown)) if len(unknown) else 0)
    return ClipSet(
        np.concatenate([clips.samples, clips.samples[more], negatives.samples]),
        np.concatenate([clips.labels, clips.labels[more], negatives.labels]),
        np.concatenate([clips.synthetic, clips.synthetic[more], negatives.synthetic]),
    )


def read_speech(
    paths: Sequence[Path], progress: Callable[[int, int], None] = lambda done, total: None
) -> list[np.ndarray]:
    """The recordings, float32 (samples,) each; those under 4 s are joined at random to 8 s.

    Windows are drawn from recordings by their length, and a short recording holds few. Raises
    KwsError for a recording that cannot be read.
    """
    rng = np.random.default_rng(0)
    read = []
    for done, path in enumerate(paths, 1):
        read.append(audio.read(path))
        progress(done, len(paths))
    shortest = _JOINED * audio.RATE / 2
    short = [recording for recording in read if len(recording) < shortest]
    rng.shuffle(short)
    return [recording for recording in read if len(recording) >= shortest] + _joined(short, rng)


def _split(path: Path) -> str:
    return speaker_split(re.split(r"[-_]", path.stem)[0], validation=20, testing=0)


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

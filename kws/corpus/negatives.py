"""Speech without the words, cut into clips: what a detector hears most of its life."""

import re
from pathlib import Path

import numpy as np

from kws import audio
from kws.corpus.clips import UNKNOWN, ClipSet, label_names, speaker_split
from kws.corpus.noise import loudness
from kws.errors import KwsError

# Below this level a clip is a pause: 20 dB over the floor of a 16-bit recording's quietest.
_QUIETEST = 10 ** (-50 / 20)


def cut(folder: Path | str, words: list[str], samples: int, each: int = 4) -> ClipSet:
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
    samples = np.clip(np.rint(clips * 32767), -32768, 32767).astype(np.int16)
    return ClipSet(samples, labels, np.zeros(len(clips), bool))


def join(clips: ClipSet, negatives: ClipSet) -> ClipSet:
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

"""Misses at a rate of false alarms, of a network that looks at a window at a time.

For comparing many networks that take the same features: these are worked out once and kept, and
a network sees its windows in large batches. ``kws.scoring`` measures a finished model instead, as
a detector hears it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws import audio
from kws.audio.levels import loudness
from kws.datasets import clips
from kws.recipe import Recipe
from kws.utils.files import cache_folder, replacing

HOP = 4  # frames from a look to the next
SMOOTHED = 3  # looks whose posteriors are averaged
AROUND = 0.25  # seconds of near-silence before and after a recording
VOICES = 8  # that talk at the same time in babble


@dataclass(frozen=True)
class Room:
    """What is heard behind the words: nothing, or babble made of the recordings in a folder."""

    name: str
    babble: Path | None = None
    snr_db: float = 0.0


class Tape:
    """Features of validation clips and of background recordings as heard in a room.

    data: clips, one folder a word. background: folders of speech without the words.
    """

    def __init__(self, plan: Recipe, data: Path, background: Sequence[Path], room: Room):
        self._plan = plan
        spoken = [clip for clip in clips.scan(data) if clip.split == "validation"]
        paths = [clip.path for clip in spoken]
        paths += [path for folder in background for path in audio.find(folder)]
        voices = audio.find(room.babble) if room.babble else []
        kept = cache_folder() / "tapes" / f"{_name(plan, paths, voices, room)}.npz"
        if not kept.exists():
            parts = _features(plan, paths, voices, room)
            with replacing(kept) as temporary:
                np.savez(temporary, all=np.concatenate(parts), lengths=[len(p) for p in parts])
        with np.load(kept) as arrays:
            self._features, lengths = arrays["all"], arrays["lengths"]
        self._words = [clip.word for clip in spoken]
        self._starts = np.concatenate([[0], np.cumsum(lengths)])

    def misses(self, network, rate: float) -> dict[str, dict]:
        """By word of the recipe: how many of its clips a threshold misses at which there are at
        most ``rate`` false alarms per hour.

        A clip of another word is one chance of a false alarm, and so is every second of the
        background. network: (batch, frames, bands) to (batch, labels), a keras.Model.
        """
        peaks, words, seconds = self._peaks(network)
        result = {}
        for label, word in enumerate(self._plan.data.words):
            own = words == word
            hours = float(seconds[~own].sum()) / 3600
            allowed = int(rate * hours + 1e-9)
            threshold = np.sort(peaks[~own, label])[-1 - allowed]
            missed = int((peaks[own, label] <= threshold).sum())
            result[word] = {
                "missed": missed,
                "clips": int(own.sum()),
                "false_alarms": allowed,
                "hours": round(hours, 3),
            }
        return result

    def _peaks(self, network) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For each chance of an alarm its highest posteriors (labels,), its word, its seconds."""
        frame = self._plan.frontend.hop_ms / 1000
        frames, a_second = self._plan.frames, round(1 / frame / HOP)
        looks = [
            np.arange(start, max(end - frames, start) + 1, HOP)
            for start, end in zip(self._starts, self._starts[1:], strict=False)
        ]
        posteriors = self._posteriors(network, np.concatenate(looks))
        peaks, words, seconds = [], [], []
        for number, own in enumerate(looks):
            smooth = _smoothed(posteriors[: len(own)])
            posteriors = posteriors[len(own) :]
            word = self._words[number] if number < len(self._words) else ""
            cuts = [] if word else range(a_second, len(smooth), a_second)
            parts = np.split(smooth, cuts)
            peaks += [part.max(axis=0) for part in parts]
            words += [word] * len(parts)
            length = (self._starts[number + 1] - self._starts[number]) * frame - 2 * AROUND
            seconds += [max(length, 0) / len(parts)] * len(parts)
        return np.array(peaks), np.array(words), np.array(seconds)

    def _posteriors(self, network, starts: np.ndarray) -> np.ndarray:
        ahead = np.arange(self._plan.frames)
        last = len(self._features) - 1
        return np.concatenate(
            [
                network.predict_on_batch(
                    self._features[np.minimum(some[:, None] + ahead, last)].astype(np.float32)
                )
                for some in np.split(starts, range(1024, len(starts), 1024))
            ]
        )


def babble(voices: Sequence[np.ndarray], samples: int, rng: np.random.Generator) -> np.ndarray:
    """As in a cafeteria: ``VOICES`` excerpts at once, float32 (samples,), root mean square 1."""
    mixed = np.zeros(samples, np.float32)
    for voice in rng.integers(len(voices), size=VOICES):
        start = rng.integers(len(voices[voice]))
        level = np.sqrt(np.mean(np.square(voices[voice]))) + 1e-9
        mixed += np.take(voices[voice], np.arange(start, start + samples), mode="wrap") / level
    return mixed / np.sqrt(np.mean(np.square(mixed)))


def _features(plan: Recipe, paths: list[Path], voices: list[Path], room: Room) -> list[np.ndarray]:
    """Of each recording: float16 (frames, bands)."""
    rng = np.random.default_rng(0)
    talking = [audio.read(path) for path in voices]
    parts = []
    for path in paths:
        samples = np.pad(audio.read(path), round(AROUND * audio.RATE))
        samples = samples + rng.normal(0, 1e-4, len(samples)).astype(np.float32)
        if talking:
            level = loudness(samples) / 10 ** (room.snr_db / 20)
            samples = samples + level * babble(talking, len(samples), rng)
        parts.append(plan.frontend.features(np.clip(samples, -1, 1)).astype(np.float16))
    return parts


def _smoothed(posteriors: np.ndarray) -> np.ndarray:
    """Running means over ``SMOOTHED`` looks, or fewer where there are no more."""
    if len(posteriors) < SMOOTHED:
        return posteriors.mean(axis=0, keepdims=True)
    windows = np.lib.stride_tricks.sliding_window_view(posteriors, SMOOTHED, axis=0)
    return windows.mean(axis=-1)


def _name(plan: Recipe, paths: list[Path], voices: list[Path], room: Room) -> str:
    """Of a file: a digest of all that the features depend on."""
    key = hashlib.blake2b(digest_size=10)
    key.update(f"{plan.frontend} {room.snr_db} {VOICES} {AROUND}".encode())
    for path in [*paths, None, *voices]:
        key.update(f"{path} {path.stat().st_size}".encode() if path else b"|")
    return key.hexdigest()

"""Background noise: recorded, or made if there are no recordings."""

from pathlib import Path

import numpy as np

from kws import audio
from kws.utils.errors import KwsError

SECONDS = 30  # of each track that is made
_BABBLE_TRACKS, _BABBLE_VOICES = 8, 8


class Noise:
    """Background noise to draw excerpts from.

    folder: recordings of noise in any format. Without one, or if it holds none, the noise is made:
    five colours of noise and mains hum, always the same. Raises KwsError if the folder is missing
    or a recording cannot be read. ``tracks``: float32 (samples,) each, of root mean
    square 1. ``survey``: what was read of the folder; None without one.
    """

    def __init__(self, folder: Path | str | None = None):
        self.survey = audio.survey(folder) if folder else None
        if self.survey and self.survey.paths:
            tracks = [audio.read(path) for path in self.survey.paths]
        else:
            tracks = _synthetic(np.random.default_rng(0), SECONDS * audio.RATE)
        self.tracks = [track / max(_rms(track), 1e-9) for track in tracks]

    @classmethod
    def babble(cls, folder: Path | str) -> "Noise":
        """Babble of eight voices at once, as in a cafeteria, from the recordings in a folder.

        Raises KwsError if the folder is missing or holds no recordings.
        """
        noise, rng = cls(folder), np.random.default_rng(0)
        if not noise.survey.paths:
            raise KwsError(f"{folder}: holds no recordings of speech", 2)
        mixed = [
            noise.draw(rng, _BABBLE_VOICES, SECONDS * audio.RATE).sum(axis=0)
            for _ in range(_BABBLE_TRACKS)
        ]
        noise.tracks = [track / max(_rms(track), 1e-9) for track in mixed]
        return noise

    def draw(self, rng: np.random.Generator, count: int, samples: int) -> np.ndarray:
        """Excerpts float32 (count, samples), each of a track whose root mean square is 1."""
        excerpts = np.empty((count, samples), np.float32)
        for excerpt in excerpts:
            track = self.tracks[rng.integers(len(self.tracks))]
            start = rng.integers(len(track))
            excerpt[:] = np.take(track, np.arange(start, start + samples), mode="wrap")
        return excerpts


def silence(noise: Noise, rng: np.random.Generator, count: int, samples: int) -> np.ndarray:
    """Clips without speech, float32 (count, samples): noise of -80 to -15 dB of full scale."""
    level_db = rng.uniform(-80, -15, (count, 1))
    return (noise.draw(rng, count, samples) * 10 ** (level_db / 20)).astype(np.float32)


def _rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def _synthetic(rng: np.random.Generator, samples: int) -> list[np.ndarray]:
    """Noise whose power falls as 1/f^slope, and a 50 Hz hum with its harmonics."""
    frequencies = np.fft.rfftfreq(samples, 1 / audio.RATE)
    tracks = []
    for slope in (0.0, 0.5, 1.0, 1.5, 2.0):
        spectrum = np.fft.rfft(rng.standard_normal(samples))
        spectrum *= np.maximum(frequencies, 20.0) ** (-slope / 2)
        tracks.append(np.fft.irfft(spectrum, samples).astype(np.float32))
    time = np.arange(samples) / audio.RATE
    hum = sum(
        np.sin(2 * np.pi * 50 * k * time + rng.uniform(0, 2 * np.pi)) / k for k in range(1, 12)
    )
    tracks.append((hum + 0.02 * rng.standard_normal(samples)).astype(np.float32))
    return tracks

"""A system whose posteriors are known, and sound that it detects."""

import numpy as np

from kws import audio
from kws.evaluation.posteriors import Posteriors

STEP_S = 0.04


class ToneSystem:
    """Its posterior is the share of 500 Hz in the power of the last 0.2 s."""

    name, file, file_bytes, reports = "tone", None, 0, "peak"
    labels = keywords = ("tone",)
    smoothing_ms, refractory_ms, thresholds = 80.0, 750.0, {}

    def stream(self):
        self._samples, self._steps = np.zeros(0, np.float32), 0
        return self

    def feed(self, chunk):
        self._samples = np.concatenate([self._samples, chunk])
        hop, times, scores = int(STEP_S * audio.RATE), [], []
        while (self._steps + 1) * hop <= len(self._samples):
            self._steps += 1
            at = self._steps * hop
            recent = self._samples[max(0, at - 3200) : at]
            wave = np.exp(2j * np.pi * 500 * np.arange(len(recent)) / audio.RATE)
            power = 2 * abs(recent @ wave) ** 2 / len(recent)
            times.append(at / audio.RATE)
            scores.append(power / (np.square(recent).sum() + 1e-3))
        return np.array(times), np.array(scores, np.float32).reshape(-1, 1)


def posteriors_of(scores, segments=()) -> Posteriors:
    """Posteriors of one label at every step."""
    times = STEP_S * np.arange(1, len(scores) + 1)
    scores = np.array(scores, np.float32).reshape(-1, 1)
    return Posteriors(times, scores, list(segments), len(scores) * STEP_S, 0.0)


def tones_at(places, seconds: float) -> np.ndarray:
    """Tones of 0.3 s at (seconds, hertz) in faint noise: float32 (samples,)."""
    time = np.arange(int(0.3 * audio.RATE)) / audio.RATE
    samples = 0.003 * np.random.default_rng(1).standard_normal(int(seconds * audio.RATE))
    for at, hertz in places:
        start = int(at * audio.RATE)
        samples[start : start + len(time)] += 0.3 * np.sin(2 * np.pi * hertz * time)
    return samples.astype(np.float32)

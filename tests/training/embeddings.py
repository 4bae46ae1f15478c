"""Tones and a coarse spectrum, in the place of speech and Google's speech embedding."""

import numpy as np

from kws.training.speech_embedding import SIZE, STEP

_WINDOW = 12400  # samples of one embedding
_BINS = 20  # of the spectrum, for each number


class Embedding:
    """The spectrum of 0.8 s, every 80 ms: (clips, samples) to (clips, steps, 96)."""

    def __call__(self, clips: np.ndarray) -> np.ndarray:
        starts = range(0, clips.shape[1] - _WINDOW + 1, STEP * 160)
        cut = np.stack([clips[:, at : at + _WINDOW] for at in starts], axis=1)
        power = np.abs(np.fft.rfft(cut))[..., : SIZE * _BINS]
        power = power.reshape(*cut.shape[:2], SIZE, _BINS)
        return np.log(power.mean(axis=3) + 1e-3)


def beep(hertz: float, rng: np.random.Generator, samples: int) -> np.ndarray:
    """A tone in noise, float32 (samples,)."""
    time = np.arange(samples) / 16000
    noise = 0.01 * rng.standard_normal(samples)
    return (0.3 * np.sin(2 * np.pi * hertz * time) + noise).astype(np.float32)

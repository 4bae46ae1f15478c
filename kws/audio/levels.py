"""Levels of sound, and where in a recording the speech is.

Samples are float32 in [-1, 1] at 16 kHz unless a function says otherwise.
"""

import numpy as np

from kws.audio.io import RATE

_FRAME = RATE // 100  # 10 ms
_MARGIN = int(0.03 * RATE)


def loudness(sound: np.ndarray) -> np.ndarray:
    """Root mean square of the loudest 100 ms, so that pauses do not count.

    sound: (..., samples); returns (...). A sound of less than 100 ms is padded with silence.
    """
    block = RATE // 10
    if sound.shape[-1] < block:
        sound = np.pad(sound, [(0, 0)] * (sound.ndim - 1) + [(0, block - sound.shape[-1])])
    whole = sound[..., : sound.shape[-1] // block * block]
    blocks = whole.reshape(*whole.shape[:-1], -1, block)
    return np.sqrt(np.square(blocks).mean(axis=-1).max(axis=-1))


def mix_at_snr(speech: np.ndarray, noise: np.ndarray, snr_db: np.ndarray) -> np.ndarray:
    """Add noise of root mean square 1 at a signal-to-noise ratio; the speech stays as it is.

    speech, noise: (batch, samples); snr_db: (batch,), the ratio in dB of the speech's
    ``loudness`` to the noise. Returns (batch, samples).
    """
    scale = loudness(speech) / 10 ** (np.asarray(snr_db, np.float32) / 20)
    return speech + scale[:, None] * noise


def speech_fault(samples: np.ndarray) -> str | None:
    """Why (samples,) cannot be a well-spoken word, or None if it can."""
    if len(samples) < 10 * _FRAME or np.abs(samples).max() < 0.02:
        return "silent"
    if not np.isfinite(samples).all() or np.mean(np.abs(samples) > 0.99) > 0.002:
        return "clipped"
    levels = _levels(samples)
    if (levels > -25).sum() < 16:  # a person says "up" within 0.15 s
        return "too short"
    # A word begins and ends; a buzz or a hiss fills the whole clip.
    if np.mean(levels > -10) > 0.9:
        return "no silence around it"
    return None


def trim(samples: np.ndarray) -> np.ndarray:
    """The word in (samples,) without the silence around it, faded in and out.

    The word is what lies within 40 dB of the loudest 10 ms, joined across gaps of up to 0.2 s
    (the closure before a final stop is as long), with a margin of 30 ms. Clicks farther away are
    cut off.
    """
    levels = _levels(samples)
    active = np.flatnonzero(levels > -40)
    runs = np.split(active, np.flatnonzero(np.diff(active) > 20) + 1)
    loudest = np.argmax(levels)
    run = next(r for r in runs if r[0] <= loudest <= r[-1])
    start = max(0, run[0] * _FRAME - _MARGIN)
    word = samples[start : (run[-1] + 1) * _FRAME + _MARGIN].astype(np.float32)
    fade = np.linspace(0, 1, min(_MARGIN // 2, len(word) // 2), dtype=np.float32)
    word[: len(fade)] *= fade
    word[len(word) - len(fade) :] *= fade[::-1]
    return word


def speech_end(clip: np.ndarray) -> float:
    """Where the speech in a clip of one word, (samples,), ends, in seconds.

    It is the end of the last 10 ms within 30 dB of the loudest 10 ms and 6 dB above the clip's
    own quiet (its lower decile); the end of the clip if all of it is as loud.
    """
    power = _power(clip)
    if not len(power):
        return len(clip) / RATE
    loud = np.flatnonzero(power > max(power.max() / 1000, 4 * np.quantile(power, 0.1)))
    return (loud[-1] + 1) * _FRAME / RATE if len(loud) else len(clip) / RATE


def _power(samples: np.ndarray) -> np.ndarray:
    """Mean square of every whole 10 ms: float64 (frames,)."""
    frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME)
    return np.square(frames, dtype=np.float64).mean(axis=1)


def _levels(samples: np.ndarray) -> np.ndarray:
    """The power of every 10 ms in dB relative to the loudest: (frames,)."""
    power = _power(samples)
    return 10 * np.log10(power / max(power.max(), 1e-12) + 1e-12)

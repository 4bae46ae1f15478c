"""TODO."""

import numpy as np

from kws import audio


def mix_at_snr(speech: np.ndarray, noise: np.ndarray, snr_db: np.ndarray) -> np.ndarray:
    """Add noise (batch, samples) to speech (batch, samples) at a signal-to-noise ratio in dB.

    The speech's level is that of its loudest tenth of a second, so that pauses do not count.
    """
    scale = loudness(speech) / 10 ** (np.asarray(snr_db, np.float32)[:, None] / 20)
    return speech + scale * noise


def loudness(clips: np.ndarray) -> np.ndarray:
    """Root mean square of each clip's loudest 100 ms, (batch, 1)."""
    block = audio.RATE // 10
    whole = clips.shape[1] // block * block
    energy = np.square(clips[:, :whole]).reshape(len(clips), -1, block).mean(axis=2)
    return np.sqrt(energy.max(axis=1, keepdims=True))


def rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def loudness_of(clip: np.ndarray) -> float:
    block = audio.RATE // 10
    padded = np.pad(clip, (0, max(0, block - len(clip))))
    return float(loudness(padded[None])[0, 0])


def speech_end(clip: np.ndarray) -> float:
    """Where the speech in a clip of one word ends, in seconds.

    The end of the last 10 ms within 30 dB of the loudest and 6 dB above the clip's own quiet
    (its lower decile); the end of the clip where everything is as loud.
    """
    block = audio.RATE // 100
    blocks = clip[: len(clip) // block * block].reshape(-1, block)
    if not len(blocks):
        return len(clip) / audio.RATE
    level = np.square(blocks, dtype=np.float64).mean(axis=1)
    loud = np.flatnonzero(level > max(level.max() / 1000, 4 * np.quantile(level, 0.1)))
    return (loud[-1] + 1) * block / audio.RATE if len(loud) else len(clip) / audio.RATE


_MARGIN = int(0.03 * audio.RATE)
_FRAME = audio.RATE // 100


def speech_fault(samples: np.ndarray) -> str | None:
    """Why float32 (samples,) at 16 kHz cannot be a well-spoken word, or None if it can."""
    if len(samples) < 10 * _FRAME or np.abs(samples).max() < 0.02:
        return "silent"
    if not np.isfinite(samples).all() or np.mean(np.abs(samples) > 0.99 * 32767 / 32768) > 0.002:
        return "clipped"
    levels = _levels(samples)
    if (levels > -25).sum() < 16:  # a quick "up" of a person takes 0.15 s
        return "too short"
    # A word has a beginning and an end: a buzz or a hiss that fills everything has neither.
    if np.mean(levels > -10) > 0.9:
        return "no silence around it"
    return None


def trim(samples: np.ndarray) -> np.ndarray:
    """The word without the silence around it and stray clicks after it, faded at both ends.

    The word is what lies within 40 dB of the loudest 10 ms, joined across gaps of up to 0.2 s
    (the closure before a final stop is as long), with a margin of 30 ms.
    """
    active = np.flatnonzero(_levels(samples) > -40)
    runs = np.split(active, np.flatnonzero(np.diff(active) > 20) + 1)
    loudest = np.argmax(_levels(samples))
    run = next(r for r in runs if r[0] <= loudest <= r[-1])
    start = max(0, run[0] * _FRAME - _MARGIN)
    word = samples[start : (run[-1] + 1) * _FRAME + _MARGIN].astype(np.float32)
    fade = np.linspace(0, 1, min(_MARGIN // 2, len(word) // 2), dtype=np.float32)
    word[: len(fade)] *= fade
    word[len(word) - len(fade) :] *= fade[::-1]
    return word


def _levels(samples: np.ndarray) -> np.ndarray:
    """The power of every 10 ms in dB relative to the loudest: (frames,)."""
    frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME).astype(np.float64)
    power = np.mean(frames**2, axis=1)
    return 10 * np.log10(power / max(power.max(), 1e-12) + 1e-12)

"""Another speaker out of a recording: its pitch, its melody, its vocal tract and its pace changed.

The WORLD vocoder (Morise et al. 2016, the package pyworld) takes speech apart into pitch, spectral
envelope and breath. A longer or shorter vocal tract moves the envelope along frequency.
"""

import numpy as np

from kws import audio
from kws.utils.errors import KwsError


def convert_voice(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same words by somebody else: float32 (samples,) at 16 kHz, of another length.

    Vocal tract: 18% longer to 18% shorter. Pitch: two thirds to one and a half times. Melody:
    flat to twice as lively. Pace: 25% either way. Raises KwsError where pyworld is missing.
    """
    try:
        import pyworld
    except ImportError as error:
        raise KwsError("other speakers need a package: pip install 'kws[synthesis]'") from error
    sound = np.asarray(samples, np.float64)
    pitch, times = pyworld.harvest(sound, audio.RATE, frame_period=5)
    envelope = pyworld.cheaptrick(sound, pitch, times, audio.RATE)
    breath = pyworld.d4c(sound, pitch, times, audio.RATE)

    tract = np.exp(rng.uniform(np.log(0.82), np.log(1.18)))
    envelope, breath = _warped(envelope, tract), _warped(breath, tract)
    voiced = pitch > 0
    if voiced.any():
        middle = np.median(np.log(pitch[voiced]))
        # A smaller tract mostly goes with a higher voice.
        raised = np.log(tract) + rng.uniform(np.log(0.75), np.log(1.35))
        lively = rng.uniform(0.2, 2.0)
        pitch[voiced] = np.exp(middle + raised + lively * (np.log(pitch[voiced]) - middle))
    pace = np.exp(rng.uniform(np.log(0.8), np.log(1.25)))
    made = pyworld.synthesize(pitch, envelope, breath, audio.RATE, frame_period=5 / pace)
    return made.astype(np.float32)


def _warped(spectra: np.ndarray, factor: float) -> np.ndarray:
    """Spectra (frames, bins) with what was at frequency f now at ``factor`` times f."""
    bins = spectra.shape[1]
    positions = np.minimum(np.arange(bins) / factor, bins - 1)
    below = np.minimum(positions.astype(int), bins - 2)
    share = positions - below
    moved = spectra[:, below] * (1 - share) + spectra[:, below + 1] * share
    return np.ascontiguousarray(moved)

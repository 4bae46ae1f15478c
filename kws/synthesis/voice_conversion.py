"""Another speaker made of a recording, with other pitch, melody, vocal tract and pace.

The WORLD vocoder (Morise et al. 2016, the package pyworld) splits speech into pitch, spectral
envelope and aperiodicity. A vocal tract of another length stretches the envelope in frequency.
"""

import numpy as np

from kws import audio
from kws.utils.errors import KwsError


def convert_voice(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same words by somebody else.

    samples: (samples,) at 16 kHz; returns float32, of another length. At random: formants 0.82 to
    1.18 times as high; pitch 0.75 to 1.35 times that factor; melody 0.2 to 2 times as lively; pace
    0.8 to 1.25 times as fast. Raises KwsError if pyworld is missing.
    """
    try:
        import pyworld
    except ImportError as error:
        raise KwsError("other speakers need a package: pip install 'kws[synthesis]'") from error
    sound = np.asarray(samples, np.float64)
    pitch, times = pyworld.harvest(sound, audio.RATE, frame_period=5)
    envelope = pyworld.cheaptrick(sound, pitch, times, audio.RATE)
    aperiodicity = pyworld.d4c(sound, pitch, times, audio.RATE)

    tract = np.exp(rng.uniform(np.log(0.82), np.log(1.18)))
    envelope, aperiodicity = _warped(envelope, tract), _warped(aperiodicity, tract)
    voiced = pitch > 0
    if voiced.any():
        middle = np.median(np.log(pitch[voiced]))
        # A smaller tract mostly goes with a higher voice.
        raised = np.log(tract) + rng.uniform(np.log(0.75), np.log(1.35))
        lively = rng.uniform(0.2, 2.0)
        pitch[voiced] = np.exp(middle + raised + lively * (np.log(pitch[voiced]) - middle))
    pace = np.exp(rng.uniform(np.log(0.8), np.log(1.25)))
    converted = pyworld.synthesize(pitch, envelope, aperiodicity, audio.RATE, frame_period=5 / pace)
    return converted.astype(np.float32)


def _warped(spectra: np.ndarray, factor: float) -> np.ndarray:
    """Spectra (frames, bins) stretched: what was at frequency f is at ``factor`` times f."""
    bins = spectra.shape[1]
    positions = np.minimum(np.arange(bins) / factor, bins - 1)
    below = np.minimum(positions.astype(int), bins - 2)
    share = positions - below
    moved = spectra[:, below] * (1 - share) + spectra[:, below + 1] * share
    return np.ascontiguousarray(moved)

"""The interface of the speech engines, and which of their voices are kept for validation.

An engine draws a speaker, accent, speed and pitch at random. The speaker's name is `af_heart`, or
`af_heart+bm_lewis` for a blend of two voices, with Kokoro; with espeak-ng it is espeak-ng's own
notation of an accent and a voice, `en-gb-scotland+f2`. Some voices of each engine are held out
for validation. No speaker mixes held-out voices with others.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from kws.synthesis import espeak, kokoro, kokoro_files


class Engine(Protocol):
    name: str
    at_once: int  # the number of texts that it speaks best in one call

    def speak(
        self, texts: Sequence[str], rng: np.random.Generator, held_out: bool
    ) -> tuple[str, list[np.ndarray]]:
        """The speaker's name, and each text said by it: float32 (samples,) at 16 kHz."""


def is_held_out(speaker: str) -> bool:
    """Whether every voice of the speaker is one of those kept for validation."""
    first, _, second = speaker.partition("+")
    if first in kokoro_files.VOICES:
        return all(voice in kokoro.HELD_OUT for voice in (first, second or first))
    return second in espeak.HELD_OUT

"""Speech engines behind one method: a text and a random generator become one spoken clip.

An engine draws its own speaker, accent, speed and pitch. The speaker's name says whose voice it
is: Kokoro's `af_heart`, or `af_heart+bm_lewis` for a blend of two; espeak-ng's own notation
`en-gb-scotland+f2`, an accent and a voice. Some voices of each engine are held out for
validation, and no speaker mixes held-out voices with others.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from kws.synthesis import kokoro
from kws.synthesis.espeak import ESPEAK_HELD_OUT
from kws.synthesis.kokoro import KOKORO_HELD_OUT


class Engine(Protocol):
    name: str
    at_once: int  # how many texts it speaks best in one go

    def speak(
        self, texts: Sequence[str], rng: np.random.Generator, held_out: bool
    ) -> tuple[str, list[np.ndarray]]:
        """The speaker's name and each text as float32 (samples,) at 16 kHz, by that speaker."""


def is_held_out(speaker: str) -> bool:
    """Whether every voice of the speaker is one of those kept for validation."""
    first, _, second = speaker.partition("+")
    if first in kokoro.VOICES:
        return all(voice in KOKORO_HELD_OUT for voice in (first, second or first))
    return second in ESPEAK_HELD_OUT

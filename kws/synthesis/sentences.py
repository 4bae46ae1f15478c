"""Speech without the keyword: sentences said by synthetic voices."""

from collections.abc import Callable
from importlib.resources import files

import numpy as np

from kws.synthesis import kokoro_files
from kws.synthesis.espeak import Espeak
from kws.synthesis.kokoro import Kokoro


def speak_sentences(
    count: int, progress: Callable[[int, int], None] = lambda done, total: None
) -> list[np.ndarray]:
    """``count`` recordings of a sentence, always the same: float32 (samples,) each at 16 kHz.

    The sentences, in sentences.txt, are ordinary ones with all sounds of English at the
    beginnings, middles and ends of words. Every fourth is said by Kokoro if its files are there,
    the others by espeak-ng.
    """
    sentences = files("kws.synthesis").joinpath("sentences.txt").read_text("utf-8").splitlines()
    rng = np.random.default_rng([0, 0x5E])
    espeak = Espeak()
    kokoro = Kokoro() if kokoro_files.available() and count >= 4 else None
    spoken = []
    for k in range(count):
        engine = kokoro if kokoro and k % 4 == 0 else espeak
        spoken += engine.speak([sentences[k % len(sentences)]], rng, held_out=False)[1]
        progress(k + 1, count)
    return spoken

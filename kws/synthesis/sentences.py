"""Speech in which the keyword is not said: what a detector must keep quiet about."""

from collections.abc import Callable

import numpy as np

from kws.synthesis.espeak import Espeak
from kws.synthesis.kokoro import Kokoro, available

# Ordinary sentences with all sounds of English at the beginnings, middles and ends of words.
SENTENCES = (
    "The children walked along the river until the sun went down.",
    "Could you tell me when the next train leaves for the city?",
    "She bought a pound of cherries, two lemons and a jar of honey.",
    "I think we should measure the window before we order the curtains.",
    "A thin layer of ice covered the road this morning.",
    "He never liked the taste of ginger in his tea.",
    "Please put the yellow boxes on the lower shelf.",
    "What a strange noise the old engine makes!",
    "The judge asked them to explain their reasons once more.",
    "We usually visit my aunt in the second week of August.",
    "Nobody knew how the fox got into the garden.",
    "Turn the handle slowly and listen for the click.",
    "His voice was so quiet that few of us understood him.",
    "Maybe the shop around the corner sells better shoes.",
    "The weather forecast promised rain, but the sky stayed blue.",
    "Ask the doctor whether you may take both of them together.",
    "They played chess by the fire until half past eleven.",
    "My brother fixed the broken chair with glue and string.",
    "A large brown dog jumped over the wooden fence.",
    "Is there any more bread, or shall I go and fetch some?",
    "The museum keeps its best paintings on the upper floor.",
    "Young trees need plenty of water in a dry summer.",
    "I was about to phone you when the lights went out.",
    "Zoe zipped her jacket and vanished into the crowd.",
    "Both answers are right, though the first is shorter.",
    "The teacher wrote a few words on the board and left.",
    "It takes about an hour to get there by bicycle.",
    "Don't worry, we'll find another way to pay for it.",
    "The engine stopped twice before we reached the bridge.",
    "Let me know as soon as the package arrives.",
)


def speak_sentences(
    count: int, seed: int = 0, progress: Callable[[int, int], None] = lambda done, total: None
) -> list[np.ndarray]:
    """``count`` synthetic recordings of a sentence: every fourth by Kokoro where it is there."""
    rng = np.random.default_rng([seed, 0x5E])
    espeak = Espeak()
    kokoro = Kokoro() if available() and count >= 4 else None
    made = []
    for k in range(count):
        engine = kokoro if kokoro and k % 4 == 0 else espeak
        made += engine.speak([SENTENCES[k % len(SENTENCES)]], rng, held_out=False)[1]
        progress(k + 1, count)
    return made

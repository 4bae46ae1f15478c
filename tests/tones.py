"""A corpus that needs no recordings: two 'words' that are tones, and others."""

import numpy as np

from kws import audio

HERTZ = {"low": 300, "high": 1800, "other": 5000}


def tone(word: str, seed: int) -> np.ndarray:
    """A third of a second of a tone near the word's frequency, with some noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(audio.RATE // 3) / audio.RATE
    hertz = HERTZ[word] * rng.uniform(0.9, 1.1)
    envelope = np.hanning(len(time))
    clip = 0.4 * envelope * np.sin(2 * np.pi * hertz * time)
    return (clip + 0.002 * rng.standard_normal(len(time))).astype(np.float32)


def write_corpus(folder, clips: int = 40) -> None:
    """FOLDER/<word>/<speaker>_nohash_0.wav; the last quarter of them are for validation."""
    validation = []
    for word in HERTZ:
        (folder / word).mkdir(parents=True)
        for k in range(clips):
            name = f"{word}/speaker{k}_nohash_0.wav"
            audio.write(folder / name, tone(word, k))
            if k >= 3 * clips // 4:
                validation.append(name)
    (folder / "validation_list.txt").write_text("\n".join(validation) + "\n")


RECIPE = """
[data]
words = ["low", "high"]

[network]
channels = 16
blocks = 1
rank = 2

[augment]
speed = 0.02
snr_db = [10, 30]

[training]
epochs = 30
batch = 16
ema_momentum = 0.5
"""

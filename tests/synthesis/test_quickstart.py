"""What is shipped in data/quickstart."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import soundfile

from kws.audio.levels import speech_fault
from kws.synthesis import kokoro_files, quickstart
from kws.synthesis.synthesize import VALIDATION_LIST
from tests.conftest import QUICKSTART
from tests.synthesis.test_synthesize import clips, outer_silence


def test_quickstart_is_small_and_complete():
    files = [p for p in QUICKSTART.rglob("*") if p.is_file()]
    assert sum(p.stat().st_size for p in files) <= 8 * 2**20
    folders = {p.name for p in QUICKSTART.iterdir() if p.is_dir()}
    assert folders == {*quickstart.KEYWORDS, *quickstart.OTHERS}
    for word in quickstart.KEYWORDS:
        assert len(list((QUICKSTART / word).glob("*.opus"))) == quickstart.KEYWORD_CLIPS
    for word in quickstart.OTHERS:
        assert len(list((QUICKSTART / word).glob("*.opus"))) == quickstart.OTHER_CLIPS


def test_quickstart_shares_no_voice_between_training_and_validation():
    listed = set((QUICKSTART / VALIDATION_LIST).read_text().split())
    sides = {True: set(), False: set()}
    for path in clips(QUICKSTART):
        first, _, second = path.stem.rpartition("_nohash_")[0].partition("+")
        held_out = path.relative_to(QUICKSTART).as_posix() in listed
        # espeak-ng's first half is an accent, not a voice; Kokoro's halves are both voices.
        sides[held_out] |= {first, second} - {""} if first in kokoro_files.VOICES else {second}
    assert sides[True]
    assert not sides[True] & sides[False]
    assert 0.1 < len(listed) / len(clips(QUICKSTART)) < 0.2


def test_every_clip_of_quickstart_is_a_word_with_silence_around_it():
    paths = clips(QUICKSTART)
    with ThreadPoolExecutor() as pool:
        decoded = list(pool.map(lambda path: soundfile.read(path, dtype="float32"), paths))
    for path, (samples, rate) in zip(paths, decoded, strict=True):
        assert (rate, samples.shape) == (16000, (16000,)), path
        assert 0.3 < np.abs(samples).max() < 0.95, path
        before, after = outer_silence(samples, rate)
        assert 1 - before - after > 0.15, path
        # Opus may move the edge of a short word by a frame.
        assert speech_fault(samples) in (None, "too short"), path

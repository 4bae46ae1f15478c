"""The speech engines' voices, and which of them are held out."""

from kws.synthesis import espeak, kokoro, kokoro_files
from kws.synthesis.engines import is_held_out


def test_held_out_voices_exist_and_are_not_in_both_pools():
    assert set(kokoro.HELD_OUT) < set(kokoro_files.VOICES)
    assert len(kokoro_files.VOICES) == 54
    assert not set(espeak.HELD_OUT) & set(espeak.VOICES)
    assert is_held_out("af_kore+bm_george")
    assert not is_held_out("af_kore+bm_lewis")
    assert is_held_out("en-029+f4")
    assert not is_held_out("en-029+f1")
    assert not is_held_out("31601aad")

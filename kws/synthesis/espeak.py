"""The speech engine espeak-ng: formant synthesis with many accents, which needs no download."""

import ctypes
from collections.abc import Sequence

import numpy as np
import soxr

from kws import audio
from kws.utils.errors import KwsError

_VOICES = """
f1 f2 f3 f5 m1 m2 m3 m5 m6 m7 Alicia Andy Annie Gene Mario Michael edward john klatt2 max norbert
pablo paul shelby travis victor zac
"""
_ACCENTS = """
en-us en-us-nyc en en-gb-x-rp en-gb-scotland en-gb-x-gbclan en-gb-x-gbcwmd en-029
"""
# Those of espeak-ng's variants that have a full set of clear formants: no whisper, croak or robot,
# and one of each pair that sounds the same.
VOICES = tuple(_VOICES.split())
HELD_OUT = ("f4", "m4", "linda", "robert")  # kept for validation
ACCENTS = tuple(_ACCENTS.split())

# Of espeak-ng's C interface, speak_lib.h.
_SYNCHRONOUS = 2  # espeak_AUDIO_OUTPUT: give the samples to the callback, then return
_CHARACTERS_UTF8 = 1
_RATE, _PITCH, _RANGE = 1, 3, 4  # espeak_PARAMETER
_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class Espeak:
    """The engine espeak-ng, through its C interface: about a millisecond a clip.

    Formant synthesis sounds like a machine, but its vowels and accents differ more from one
    another than Kokoro's do. The library holds one state a process. Raises KwsError if the
    package is missing.
    """

    name = "espeak"
    at_once = 5

    def __init__(self):
        try:
            import espeakng_loader
        except ImportError as error:
            raise KwsError("espeak-ng needs a package: pip install 'kws[synthesis]'") from error
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path().encode()
        self._rate = self._library.espeak_Initialize(_SYNCHRONOUS, 0, data, 0)
        if self._rate <= 0:
            raise KwsError("espeak-ng does not start; reinstall the package espeakng-loader")
        self._spoken: list[np.ndarray] = []
        self._callback = _CALLBACK(self._collect)  # kept, since C holds only its address

    def speak(
        self, texts: Sequence[str], rng: np.random.Generator, held_out: bool
    ) -> tuple[str, list[np.ndarray]]:
        """As ``kws.synthesis.engines.Engine.speak``."""
        voice = rng.choice(HELD_OUT if held_out else VOICES)
        speaker = f"{rng.choice(ACCENTS)}+{voice}"
        settings = {
            _RATE: int(rng.integers(110, 190)),  # words a minute
            _PITCH: int(rng.integers(25, 75)),
            _RANGE: int(rng.integers(30, 80)),
        }
        if self._library.espeak_SetVoiceByName(speaker.encode()):
            raise KwsError(f"espeak-ng lacks the voice {speaker}; update espeakng-loader")
        for parameter, value in settings.items():
            self._library.espeak_SetParameter(parameter, value, 0)
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(int(rng.integers(2**31))))
        return speaker, [self._say(text + rng.choice((".", "!", "?"))) for text in texts]

    def _say(self, text: str) -> np.ndarray:
        """The text in the voice that was set: float32 (samples,) at 16 kHz."""
        self._library.espeak_SetSynthCallback(self._callback)
        self._spoken.clear()
        data = str(text).encode()
        self._library.espeak_Synth(
            data, ctypes.c_size_t(len(data) + 1), 0, 0, 0, _CHARACTERS_UTF8, None, None
        )
        samples = np.concatenate([np.zeros(1, np.int16), *self._spoken])
        return soxr.resample(audio.from_int16(samples), self._rate, audio.RATE)

    def _collect(self, samples, count: int, _events) -> int:
        if samples and count:
            self._spoken.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

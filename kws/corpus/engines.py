"""Speech engines behind one method: a text and a random generator become one spoken clip.

An engine draws its own speaker, accent, speed and pitch. The speaker's name says whose voice it
is: Kokoro's `af_heart`, or `af_heart+bm_lewis` for a blend of two; espeak-ng's own notation
`en-gb-scotland+f2`, an accent and a voice. Some voices of each engine are held out for
validation, and no speaker mixes held-out voices with others.
"""

import ctypes
import functools
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import soxr

from kws import audio
from kws.corpus import voices
from kws.errors import KwsError

KOKORO_HELD_OUT = (
    *("af_kore", "af_sarah", "am_michael", "bf_isabella", "bm_george", "ef_dora", "pm_alex"),
    *("jf_alpha", "zm_yunxi"),
)
_TIMBRE = 128  # of the 256 numbers of a style vector; the rest are the way of speaking
ESPEAK_HELD_OUT = ("f4", "m4", "linda", "robert")
# Of espeak-ng's variants those that speak with a full set of clear formants: no whisper, croak or
# robot, and one of each pair that sounds the same.
ESPEAK_VOICES = (
    *("f1", "f2", "f3", "f5", "m1", "m2", "m3", "m5", "m6", "m7", "Alicia", "Andy", "Annie"),
    *("Gene", "Mario", "Michael", "edward", "john", "klatt2", "max", "norbert", "pablo", "paul"),
    *("shelby", "travis", "victor", "zac"),
)
ESPEAK_ACCENTS = (
    *("en-us", "en-us-nyc", "en", "en-gb-x-rp", "en-gb-scotland", "en-gb-x-gbclan"),
    *("en-gb-x-gbcwmd", "en-029"),
)
# What Kokoro says before the texts, as phonemes, and the marks that end each of them.
_BEFORE = ("", "", "sˈeɪ, ", "ænd nˈaʊ, ", "ðə wˈɜːd ɪz, ")
_MARKS = (",", ".", "!", "?")
_MARK_SHARES = (0.35, 0.3, 0.2, 0.15)


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
    if first in voices.VOICES:
        return all(voice in KOKORO_HELD_OUT for voice in (first, second or first))
    return second in ESPEAK_HELD_OUT


class Kokoro:
    """Kokoro-82M through kokoro-onnx, about half a second of one core a word.

    Said alone, a short word is out of what Kokoro learned from: most of its voices put a vowel
    after "up" and "off" and some a sound before. So several texts are said in a row, as a list
    is read out, and cut apart by the times of their phonemes; that costs a third, too.

    A speaker's timbre is one voice or a blend of two, the way of speaking (melody and timing)
    that of others: Kokoro's style vectors hold the two in two halves. Besides these vary the
    marks after the texts, the accent of the phonemes, the speed, and pitch and formants together
    by resampling: a factor above one is a smaller speaker, and the speed is corrected for it.
    """

    name = "kokoro"
    at_once = 5

    def __init__(self):
        if not voices.available():
            raise KwsError("Kokoro's voices are not here; fetch them with 'make voices'")
        try:
            import onnxruntime
            from kokoro_onnx import Kokoro as Model
        except ImportError as error:
            raise KwsError("Kokoro needs a package: pip install 'kws[synthesis]'") from error
        folder = voices.folder()
        settings = onnxruntime.SessionOptions()
        # Threads that wait by spinning take the time of whatever runs beside the synthesis.
        settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session = onnxruntime.InferenceSession(
            str(folder / voices.MODEL), settings, providers=["CPUExecutionProvider"]
        )
        self._model = Model.from_session(session, str(folder / voices.STYLES))
        self._phonemes = functools.cache(self._model.tokenizer.phonemize)

    def speak(
        self, texts: Sequence[str], rng: np.random.Generator, held_out: bool
    ) -> tuple[str, list[np.ndarray]]:
        speaker, timbre = self._style(rng, held_out)
        _, manner = self._style(rng, held_out)
        style = np.concatenate([timbre[..., :_TIMBRE], manner[..., _TIMBRE:]], axis=-1)
        pitch = np.exp(rng.uniform(np.log(0.9), np.log(1.2)))
        speed = np.exp(rng.uniform(np.log(0.75), np.log(1.35)))
        british = (speaker[0] == "b") != (rng.random() < 0.15)
        spoken = rng.choice(_BEFORE)
        places = []
        for text in texts:
            word = self._phonemes(text, "en-gb" if british else "en-us").strip()
            places.append((len(spoken), len(spoken) + len(word)))
            spoken += word + rng.choice(_MARKS, p=_MARK_SHARES) + " "
        samples, rate, times = self._model.create_timed(
            spoken.strip(),
            style,
            speed=float(np.clip(speed / pitch, 0.5, 2.0)),
            is_phonemes=True,
            trim=False,
            sentence_pause=0,
            clause_pause=0,
        )
        cuts = [_cut(samples, rate, times, *place) for place in places]
        return speaker, [soxr.resample(cut, rate * pitch, audio.RATE) for cut in cuts]

    def _style(self, rng: np.random.Generator, held_out: bool) -> tuple[str, np.ndarray]:
        """A voice or a blend of two: its name and its style vectors."""
        pool = [v for v in voices.VOICES if (v in KOKORO_HELD_OUT) == held_out]
        weights = np.array([2.0 if v[0] in "ab" else 1.0 for v in pool])
        count = rng.choice([1, 2], p=[0.3, 0.7])
        pair = sorted(rng.choice(pool, size=count, replace=False, p=weights / weights.sum()))
        share = rng.uniform(0.25, 0.75)
        first, last = (self._model.get_voice_style(voice) for voice in (pair[0], pair[-1]))
        return "+".join(pair), share * first + (1 - share) * last


def _cut(samples: np.ndarray, rate: int, times: list, first: int, end: int) -> np.ndarray:
    """Phonemes ``first`` to ``end`` (exclusive), cut where the marks around them are quietest."""

    def quietest(start: float, stop: float) -> int:
        frame = rate // 100
        count = max(1, round((stop - start) * 100))
        stretch = samples[int(start * rate) :][: count * frame]
        power = np.add.reduceat(stretch**2, np.arange(0, len(stretch), frame))
        return int(start * rate) + int(np.argmin(power)) * frame

    # No pause comes of the mark. A fricative takes its time, and begins where the vowel ends.
    if first < 2:
        begin = 0
    elif next(t.phoneme for t in times[first:] if t.phoneme not in "ˈˌ") in "sfʃθhzvð":
        begin = int(times[first - 2].start * rate)
    else:
        begin = quietest(times[first - 2].start, times[first - 1].end)
    last = end + 1 >= len(times)
    return samples[begin : None if last else quietest(times[end].start, times[end + 1].end)]


class Espeak:
    """espeak-ng through its C interface (speak_lib.h), about a millisecond a clip.

    Its formant synthesis sounds like a machine, but the shapes of its vowels and its accents
    differ more from one another than Kokoro's do. The library holds one state a process.
    """

    name = "espeak"
    at_once = 5

    _SYNCHRONOUS = 2  # espeak_AUDIO_OUTPUT: give the samples to the callback, then return
    _CHARACTERS_UTF8 = 1
    _RATE, _PITCH, _RANGE = 1, 3, 4  # espeak_PARAMETER
    _CALLBACK = ctypes.CFUNCTYPE(
        ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
    )

    def __init__(self):
        try:
            import espeakng_loader
        except ImportError as error:
            raise KwsError("espeak-ng needs a package: pip install 'kws[synthesis]'") from error
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path().encode()
        self._rate = self._library.espeak_Initialize(self._SYNCHRONOUS, 0, data, 0)
        if self._rate <= 0:
            raise KwsError("espeak-ng does not start; reinstall the package espeakng-loader")
        self._spoken: list[np.ndarray] = []
        self._callback = self._CALLBACK(self._collect)  # kept, since C holds only its address

    def speak(
        self, texts: Sequence[str], rng: np.random.Generator, held_out: bool
    ) -> tuple[str, list[np.ndarray]]:
        voice = rng.choice(ESPEAK_HELD_OUT if held_out else ESPEAK_VOICES)
        speaker = f"{rng.choice(ESPEAK_ACCENTS)}+{voice}"
        settings = {
            self._RATE: int(rng.integers(110, 190)),  # words a minute
            self._PITCH: int(rng.integers(25, 75)),
            self._RANGE: int(rng.integers(30, 80)),
        }
        if self._library.espeak_SetVoiceByName(speaker.encode()):
            raise KwsError(f"espeak-ng lacks the voice {speaker}; update espeakng-loader")
        for parameter, value in settings.items():
            self._library.espeak_SetParameter(parameter, value, 0)
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(int(rng.integers(2**31))))
        return speaker, [self._say(text + rng.choice((".", "!", "?"))) for text in texts]

    def _say(self, text: str) -> np.ndarray:
        self._library.espeak_SetSynthCallback(self._callback)
        self._spoken.clear()
        data = str(text).encode()
        self._library.espeak_Synth(
            data, ctypes.c_size_t(len(data) + 1), 0, 0, 0, self._CHARACTERS_UTF8, None, None
        )
        samples = np.concatenate([np.zeros(1, np.int16), *self._spoken])
        return soxr.resample(samples.astype(np.float32) / 32768, self._rate, audio.RATE)

    def _collect(self, samples, count: int, _events) -> int:
        if samples and count:
            self._spoken.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

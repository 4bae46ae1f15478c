"""The speech engine Kokoro: 54 voices, speakers blended of them."""

import functools
from collections.abc import Sequence

import numpy as np
import soxr

from kws import audio
from kws.synthesis import kokoro_files
from kws.synthesis.kokoro_files import VOICES
from kws.utils.errors import KwsError

# Voices that are kept for validation.
_HELD_OUT = """
af_kore af_sarah am_michael bf_isabella bm_george ef_dora jf_alpha pm_alex zm_yunxi
"""
HELD_OUT = tuple(_HELD_OUT.split())
_TIMBRE = 128  # of the 256 numbers of a style vector; the others are the way of speaking
# Phonemes that Kokoro says before the texts, and the punctuation after each text.
_BEFORE = ("", "", "sˈeɪ, ", "ænd nˈaʊ, ", "ðə wˈɜːd ɪz, ")
_MARKS = (",", ".", "!", "?")
_MARK_SHARES = (0.35, 0.3, 0.2, 0.15)


class Kokoro:
    """The engine Kokoro-82M, through kokoro-onnx: about half a second of one core a word.

    Kokoro was not trained on short words said alone: most of its voices add a vowel after "up"
    and "off", and some a sound before. So several texts are said in a row, like a list that is
    read out, and cut apart by the times of their phonemes. That also takes a third of the time.

    A speaker's timbre is that of one voice or a blend of two, the way of speaking (melody and
    timing) that of others: these are the two halves of Kokoro's style vectors. What also varies:
    the punctuation after the texts, the accent of the phonemes, the speed, and pitch and formants
    together by resampling. A factor above one is a smaller speaker; the speed is corrected for it.
    Raises KwsError if the files or the package are missing.
    """

    name = "kokoro"
    at_once = 5

    def __init__(self):
        if not kokoro_files.available():
            raise KwsError("Kokoro's voices are not here; fetch them with 'make voices'")
        try:
            import onnxruntime
            from kokoro_onnx import Kokoro as Model
        except ImportError as error:
            raise KwsError("Kokoro needs a package: pip install 'kws[synthesis]'") from error
        files = kokoro_files.folder()
        settings = onnxruntime.SessionOptions()
        # Threads that spin while they wait slow down whatever else runs.
        settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session = onnxruntime.InferenceSession(
            str(files / kokoro_files.MODEL), settings, providers=["CPUExecutionProvider"]
        )
        self._model = Model.from_session(session, str(files / kokoro_files.STYLES))
        self._phonemes = functools.cache(self._model.tokenizer.phonemize)

    def speak(
        self, texts: Sequence[str], rng: np.random.Generator, held_out: bool
    ) -> tuple[str, list[np.ndarray]]:
        """As ``kws.synthesis.engines.Engine.speak``."""
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
        """A voice or a blend of two: its name and its style vectors (510, 1, 256)."""
        pool = [v for v in VOICES if (v in HELD_OUT) == held_out]
        weights = np.array([2.0 if v[0] in "ab" else 1.0 for v in pool])
        count = rng.choice([1, 2], p=[0.3, 0.7])
        pair = sorted(rng.choice(pool, size=count, replace=False, p=weights / weights.sum()))
        share = rng.uniform(0.25, 0.75)
        first, last = (self._model.get_voice_style(voice) for voice in (pair[0], pair[-1]))
        return "+".join(pair), share * first + (1 - share) * last


def _cut(samples: np.ndarray, rate: int, times: list, first: int, end: int) -> np.ndarray:
    """The sound of phonemes ``first`` to ``end`` (exclusive), cut where it is quietest beside them.

    samples: (samples,) at ``rate``. times: of the phonemes, with ``phoneme``, ``start`` and
    ``end`` in seconds.
    """

    def quietest(start: float, stop: float) -> int:
        frame = rate // 100
        count = max(1, round((stop - start) * 100))
        stretch = samples[int(start * rate) :][: count * frame]
        power = np.add.reduceat(stretch**2, np.arange(0, len(stretch), frame))
        return int(start * rate) + int(np.argmin(power)) * frame

    # Punctuation need not make a pause. A fricative is long and begins where the vowel ends.
    if first < 2:
        begin = 0
    elif next(t.phoneme for t in times[first:] if t.phoneme not in "ˈˌ") in "sfʃθhzvð":
        begin = int(times[first - 2].start * rate)
    else:
        begin = quietest(times[first - 2].start, times[first - 1].end)
    last = end + 1 >= len(times)
    return samples[begin : None if last else quietest(times[end].start, times[end + 1].end)]

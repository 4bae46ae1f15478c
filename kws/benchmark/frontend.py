"""``kws bench frontend``: log-mel features a second of audio, ours beside other libraries'."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from kws import audio
from kws.benchmark.results import (
    installed_versions,
    made_by,
    markdown_table,
    write_results,
)
from kws.benchmark.timing import interleaved, median_and_quartiles, seconds
from kws.frontend.log_mel import FrontEnd
from kws.frontend.native import NativeFeatureStream
from kws.utils.errors import KwsError
from kws.utils.provenance import provenance

SECONDS, ROUNDS, QUICK_ROUNDS = 10, 41, 7
CHUNK = 160  # samples: what a stream gets in 10 ms

METHOD = (
    f"CPU time of the thread for {SECONDS} seconds of noise, per second of it, the median of "
    "interleaved rounds with their quartiles; in one call, and in calls of 10 ms as a stream. "
    "Equal settings are: frames of 25 ms every 10 ms, periodic Hann window, FFT of 512, 40 bands "
    "from 20 to 7600 Hz on the HTK scale, logarithm; no dither, pre-emphasis or removal of an "
    "offset. kaldi-native-fbank draws its triangles over mel instead of hertz. Its binding takes "
    "a sequence of numbers one by one; what that takes, measured by its OnlineRawAudioSamples, "
    "which does nothing else, is subtracted in the row that says so, and nothing for reading the "
    "frames out is in either row. pymicro-features has its own fixed settings: 30 ms, 40 bands "
    "from 125 to 7500 Hz, integers, and noise suppression and gain control besides."
)


def bench_frontend(
    path_json: Path | str, quick: bool = False, report: Callable[[str], None] = print
) -> dict:
    """Measure the device's front end, NumPy's, and what is installed of the others.

    Writes the results to ``path_json`` and a table beside it (.md). Returns what is written:
    ``{"made_by", "method", "versions", "rows": [{"name", "equal_settings", "chunk",
    "us_per_second", "quartiles"}], "ratio_to_fastest_equal"}``: how many times as long as ours
    the fastest other library takes at equal settings, in one call. Raises KwsError if none of
    them is installed.
    """
    contenders = _contenders()
    rounds = QUICK_ROUNDS if quick else ROUNDS
    noise = 0.1 * np.random.default_rng(0).standard_normal(SECONDS * 16000)
    samples = np.clip(noise, -1, 1).astype(np.float32)

    def measured(prepare: Callable) -> Callable[[], float]:
        return lambda: 1e6 * seconds(prepare(samples), time.thread_time) / SECONDS

    times = interleaved({key: measured(prepare) for key, prepare in contenders.items()}, rounds)
    rows = [_row(*key, taken) for key, taken in times.items()]
    rows += _without_conversion(rows)
    rows = [row for row in rows if row["name"] != _CONVERSION]
    ours, *others = [row for row in rows if row["equal_settings"] and row["chunk"] == "all"]
    others = [row for row in others if row["name"] != "kws, NumPy"]
    fastest = min(others, key=lambda row: row["us_per_second"])
    result = {
        "made_by": provenance(),
        "method": METHOD,
        "versions": installed_versions((_KALDI, "librosa", "pymicro-features")),
        "rows": rows,
        "fastest_equal": fastest["name"],
        "ratio_to_fastest_equal": fastest["us_per_second"] / ours["us_per_second"],
    }
    for row in rows:
        report(f"{row['name']:45} {row['chunk']:>6} {row['us_per_second']:10.1f} µs a second")
    report(f"{result['ratio_to_fastest_equal']:.1f} times as fast as {fastest['name']}")
    write_results(path_json, result, table)
    return result


_KALDI, _CONVERSION = "kaldi-native-fbank", "conversion of numbers"


def _row(name: str, equal: bool, chunk: str, taken: list[float]) -> dict:
    median, quartiles = median_and_quartiles(taken)
    return {
        "name": name,
        "equal_settings": equal,
        "chunk": chunk,
        "us_per_second": median,
        "quartiles": quartiles,
    }


def _without_conversion(rows: list[dict]) -> list[dict]:
    found = {row["name"]: row for row in rows if row["chunk"] == "all"}
    if _KALDI not in found:
        return []
    less = found[_KALDI]["us_per_second"] - found[_CONVERSION]["us_per_second"]
    name = f"{_KALDI}, less the conversion"
    return [{**found[_KALDI], "name": name, "us_per_second": less, "quartiles": None}]


def _contenders() -> dict[tuple[str, bool, str], Callable]:
    """By name, whether its settings are equal, and chunk: samples to a function to be timed."""
    fe = FrontEnd()

    def ours(samples):
        stream = NativeFeatureStream(fe)
        return lambda: stream.feed(samples)

    def ours_streamed(samples):
        stream = NativeFeatureStream(fe)
        return lambda: [stream.feed(chunk) for chunk in _chunks(samples)]

    def numpy_streamed(samples):
        stream = fe.stream()
        return lambda: [stream.feed(chunk) for chunk in _chunks(samples)]

    mine = {
        ("kws, C", True, "all"): ours,
        ("kws, C", True, "10 ms"): ours_streamed,
        ("kws, NumPy", True, "all"): lambda samples: lambda: fe.features(samples),
        ("kws, NumPy", True, "10 ms"): numpy_streamed,
    }
    theirs = {}
    for library in (_kaldi, _librosa, _pymicro):
        try:
            theirs |= library(fe)
        except ImportError:
            continue
    if not any(equal for _, equal, _ in theirs):
        raise KwsError("nothing to compare with; pip install kaldi-native-fbank librosa")
    return {**mine, **theirs}


def _chunks(samples: np.ndarray) -> list[np.ndarray]:
    return [samples[at : at + CHUNK] for at in range(0, len(samples), CHUNK)]


def _kaldi(fe: FrontEnd) -> dict:
    import kaldi_native_fbank as kaldi

    options = kaldi.FbankOptions()
    frames, mel = options.frame_opts, options.mel_opts
    frames.dither, frames.preemph_coeff, frames.remove_dc_offset = 0, 0, False
    frames.window_type, frames.snip_edges = "hann", True
    frames.frame_length_ms, frames.frame_shift_ms = fe.window_ms, fe.hop_ms
    mel.num_bins, mel.low_freq, mel.high_freq = fe.bands, fe.low_hz, fe.high_hz

    def whole(samples):
        numbers, bank = samples.tolist(), kaldi.OnlineFbank(options)
        return lambda: bank.accept_waveform(fe.rate, numbers)

    def streamed(samples):
        chunks, bank = [chunk.tolist() for chunk in _chunks(samples)], kaldi.OnlineFbank(options)
        return lambda: [bank.accept_waveform(fe.rate, chunk) for chunk in chunks]

    def conversion(samples):
        numbers = samples.tolist()
        raw = kaldi.OnlineRawAudioSamples(kaldi.RawAudioSamplesOptions())
        return lambda: raw.accept_waveform(fe.rate, numbers)

    return {
        (_KALDI, True, "all"): whole,
        (_KALDI, True, "10 ms"): streamed,
        (_CONVERSION, False, "all"): conversion,
    }


def _librosa(fe: FrontEnd) -> dict:
    import librosa

    def run(samples):
        power = librosa.feature.melspectrogram(
            y=samples,
            sr=fe.rate,
            n_fft=fe.fft_length,
            win_length=fe.window,
            hop_length=fe.hop,
            center=False,
            n_mels=fe.bands,
            fmin=fe.low_hz,
            fmax=fe.high_hz,
            htk=True,
            norm=None,
        )
        return np.log(power + fe.floor)

    return {("librosa", True, "all"): lambda samples: lambda: run(samples)}


def _pymicro(fe: FrontEnd) -> dict:
    from pymicro_features import MicroFrontend

    def streamed(samples):
        integers = audio.to_int16(samples)
        chunks = [chunk.tobytes() for chunk in _chunks(integers)]
        stream = MicroFrontend()
        return lambda: [stream.process_samples(chunk) for chunk in chunks]

    return {("pymicro-features", False, "10 ms"): streamed}


def table(result: dict) -> str:
    """The results as Markdown."""
    rows = []
    for row in result["rows"]:
        settings = "equal" if row["equal_settings"] else "its own"
        quartiles = "–".join(f"{value:.0f}" for value in row["quartiles"] or [])
        given = "in one call" if row["chunk"] == "all" else f"in chunks of {row['chunk']}"
        rows.append([row["name"], settings, given, f"{row['us_per_second']:.1f}", quartiles])
    head = ["front end", "settings", "given", "µs a second of audio", "quartiles"]
    return (
        f"# Log-mel front ends\n\n{result['method']}\n\n"
        f"{result['fastest_equal']} takes {result['ratio_to_fastest_equal']:.1f} times as long "
        f"as kws's C.\n\n{made_by(result)}\n\n{markdown_table(head, rows, texts=3)}\n"
    )

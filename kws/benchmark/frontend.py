"""``kws bench frontend``: CPU time of log-mel features, ours beside other libraries'."""

import functools
import importlib
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from kws import audio
from kws.benchmark.results import installed_versions, markdown_page, markdown_table, write_results
from kws.benchmark.timing import interleaved, median_and_quartiles, seconds
from kws.frontend.log_mel import FrontEnd
from kws.frontend.native import NativeFeatureStream
from kws.utils.errors import KwsError

SECONDS, ROUNDS, QUICK_ROUNDS = 10, 41, 7
CHUNK = 160  # samples: what a stream gets in 10 ms

METHOD = (
    f"CPU time of the thread for {SECONDS} seconds of noise, per second of it, the median of "
    "interleaved rounds with their quartiles; in one call, and in calls of 10 ms as a stream. "
    "Equal settings are: frames of 25 ms every 10 ms, periodic Hann window, FFT of 512, 40 bands "
    "from 20 to 7600 Hz on the HTK scale, logarithm; no dither, pre-emphasis or removal of an "
    "offset. kaldi-native-fbank draws its triangles over mel instead of hertz. Its binding takes "
    "a sequence of numbers one by one. What that takes is measured by its OnlineRawAudioSamples, "
    "which does nothing else, and subtracted in the row that says so. Reading the frames out is in "
    "neither row. pymicro-features has its own fixed settings: 30 ms, 40 bands from 125 to "
    "7500 Hz, integers, and noise suppression and gain control besides."
)

FRONT_END = FrontEnd()
KALDI, CONVERSION = "kaldi-native-fbank", "conversion of numbers"
OTHERS = {"kaldi_native_fbank": KALDI, "librosa": "librosa", "pymicro_features": "pymicro-features"}

# From chunks of samples to a function without arguments that makes their features.
Prepare = Callable[[list[np.ndarray]], Callable[[], object]]


def bench_frontend(path_json: Path | str, quick: bool = False) -> dict:
    """Measure the device's front end, NumPy's, and those of the other libraries that are installed.

    Writes the results to ``path_json`` and a table beside it (.md). Returns what is written;
    "ratio_to_fastest_equal" is how many times as long as ours the fastest other library takes at
    equal settings, in one call. Raises KwsError if no library with equal settings is installed.
    """
    noise = 0.1 * np.random.default_rng(0).standard_normal(SECONDS * audio.RATE)
    samples = np.clip(noise, -1, 1).astype(np.float32)
    chunks = {
        "all": [samples],
        "10 ms": [samples[at : at + CHUNK] for at in range(0, len(samples), CHUNK)],
    }
    front_ends = {**_ours(), **_others()}

    def sample(prepare: Prepare, chunk: str) -> Callable[[], float]:
        return lambda: 1e6 * seconds(prepare(chunks[chunk]), time.thread_time) / SECONDS

    times = interleaved(
        {key: sample(prepare, key[-1]) for key, prepare in front_ends.items()},
        QUICK_ROUNDS if quick else ROUNDS,
    )
    rows = []
    for (name, equal, chunk), taken in times.items():
        median, quartiles = median_and_quartiles(taken)
        row = {"name": name, "equal_settings": equal, "chunk": chunk}
        rows.append({**row, "us_per_second": median, "quartiles": quartiles})
    rows = _without_conversion(rows)
    # The first two are ours, in C and in NumPy.
    ours, _, *others = [row for row in rows if row["equal_settings"] and row["chunk"] == "all"]
    fastest = min(others, key=lambda row: row["us_per_second"])
    contents = {
        "method": METHOD,
        "versions": installed_versions(list(OTHERS.values())),
        "rows": rows,
        "fastest_equal": fastest["name"],
        "ratio_to_fastest_equal": fastest["us_per_second"] / ours["us_per_second"],
    }
    for row in rows:
        print(f"{row['name']:45} {row['chunk']:>6} {row['us_per_second']:10.1f} µs a second")
    print(f"{contents['ratio_to_fastest_equal']:.1f} times as fast as {fastest['name']}")
    return write_results(path_json, contents, page)


def page(result: dict) -> str:
    """The results as Markdown."""
    columns = {
        "front end": "{name}",
        "settings": lambda row: "equal" if row["equal_settings"] else "its own",
        "given": lambda row: (
            "in one call" if row["chunk"] == "all" else f"in chunks of {row['chunk']}"
        ),
        "µs a second of audio": "{us_per_second:.1f}",
        "quartiles": "{quartiles[0]:.0f}–{quartiles[1]:.0f}",
    }
    ratio = (
        f"{result['fastest_equal']} takes {result['ratio_to_fastest_equal']:.1f} times as long "
        "as kws's C."
    )
    table = markdown_table(columns, result["rows"], texts=3)
    return markdown_page("Log-mel front ends", result, ratio, table)


def _without_conversion(rows: list[dict]) -> list[dict]:
    """The rows, with Kaldi less the conversion in place of the conversion."""
    whole = {row["name"]: row for row in rows if row["chunk"] == "all"}
    if KALDI not in whole:
        return rows
    less = whole[KALDI]["us_per_second"] - whole[CONVERSION]["us_per_second"]
    row = {**whole[KALDI], "name": f"{KALDI}, less the conversion", "us_per_second": less}
    return [row for row in rows if row["name"] != CONVERSION] + [{**row, "quartiles": None}]


def _ours() -> dict[tuple[str, bool, str], Prepare]:
    """By name, whether the settings are equal, and the chunks; as in ``_others``."""

    def native(chunks: list[np.ndarray]):
        return _fed(NativeFeatureStream(FRONT_END).feed, chunks)

    return {
        ("kws, C", True, "all"): native,
        ("kws, C", True, "10 ms"): native,
        ("kws, NumPy", True, "all"): lambda chunks: _fed(FRONT_END.features, chunks),
        ("kws, NumPy", True, "10 ms"): lambda chunks: _fed(FRONT_END.stream().feed, chunks),
    }


def _others() -> dict[tuple[str, bool, str], Prepare]:
    found: dict[tuple[str, bool, str], Prepare] = {}
    for module, front_ends in zip(OTHERS, (_kaldi, _librosa, _pymicro), strict=True):
        try:
            found |= front_ends(importlib.import_module(module))
        except ImportError:
            continue
    if not any(equal for _, equal, _ in found):
        raise KwsError("nothing to compare with; pip install kaldi-native-fbank librosa")
    return found


def _fed(feed: Callable, chunks: list) -> Callable[[], object]:
    return lambda: [feed(chunk) for chunk in chunks]


def _kaldi(kaldi) -> dict:
    options = kaldi.FbankOptions()
    frames, mel, rate = options.frame_opts, options.mel_opts, FRONT_END.rate
    frames.dither, frames.preemph_coeff, frames.remove_dc_offset = 0, 0, False
    frames.window_type, frames.snip_edges = "hann", True
    frames.frame_length_ms, frames.frame_shift_ms = FRONT_END.window_ms, FRONT_END.hop_ms
    mel.num_bins = FRONT_END.bands
    mel.low_freq, mel.high_freq = FRONT_END.low_hz, FRONT_END.high_hz

    def fed(taker, chunks: list[np.ndarray]):
        feed = functools.partial(taker.accept_waveform, rate)
        return _fed(feed, [chunk.tolist() for chunk in chunks])

    def features(chunks: list[np.ndarray]):
        return fed(kaldi.OnlineFbank(options), chunks)

    def conversion(chunks: list[np.ndarray]):
        return fed(kaldi.OnlineRawAudioSamples(kaldi.RawAudioSamplesOptions()), chunks)

    return {
        (KALDI, True, "all"): features,
        (KALDI, True, "10 ms"): features,
        (CONVERSION, False, "all"): conversion,
    }


def _librosa(librosa) -> dict:
    def features(samples: np.ndarray) -> np.ndarray:
        power = librosa.feature.melspectrogram(
            y=samples,
            sr=FRONT_END.rate,
            n_fft=FRONT_END.fft_length,
            win_length=FRONT_END.window,
            hop_length=FRONT_END.hop,
            center=False,
            n_mels=FRONT_END.bands,
            fmin=FRONT_END.low_hz,
            fmax=FRONT_END.high_hz,
            htk=True,
            norm=None,
        )
        return np.log(power + FRONT_END.floor)

    return {("librosa", True, "all"): lambda chunks: _fed(features, chunks)}


def _pymicro(pymicro) -> dict:
    def prepare(chunks: list[np.ndarray]):
        data = [audio.to_int16(chunk).tobytes() for chunk in chunks]
        return _fed(pymicro.MicroFrontend().process_samples, data)

    return {("pymicro-features", False, "10 ms"): prepare}

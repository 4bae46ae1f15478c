"""``kws bench stream``: what listening costs, front end included, ours beside other projects'."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
from kws.evaluation.systems import MicroWakeWord, OpenWakeWord, Peer
from kws.runtime.detector import Detector, feature_stream
from kws.runtime.model import Model
from kws.utils.provenance import provenance

SECONDS, ROUNDS, QUICK_ROUNDS = 8, 25, 5
WORD = "alexa"  # of the peers
PACKAGES = (MicroWakeWord.distribution, "pymicro-features", OpenWakeWord.distribution)
CHUNK = 1280  # samples: 80 ms, what openWakeWord takes at a time

METHOD = (
    f"CPU time of the whole process, all its threads, for {SECONDS} seconds of noise of changing "
    "loudness, per second of it: the median of interleaved rounds, with their quartiles. Every one "
    "gets the same 16-bit samples in pieces of 80 ms through the Python interface that its users "
    "call, and goes from samples to decision; one thread each. The front end's share is measured "
    "by itself in the same rounds."
)


@dataclass(frozen=True)
class Contender:
    """A wake word engine. ``feed`` takes 16-bit samples and does all there is to do;
    ``front_end`` only the features, where they can be had alone. ``step_ms``: between two steps."""

    name: str
    file_bytes: int
    step_ms: float
    feed: Callable[[bytes], object]
    front_end: Callable[[bytes], object] | None = None


def bench_stream(
    models: Sequence[Path],
    path_json: Path | str,
    quick: bool = False,
    report: Callable[[str], None] = print,
) -> dict:
    """Measure models of kws, windowed or streaming, and the peers' "alexa" that are installed.

    Writes the results to ``path_json``, a table and a picture beside it (.md and .png). Returns
    what is written: ``{"made_by", "method", "versions", "rows": [{"model", "file_bytes",
    "step_ms", "ms_per_second", "quartiles", "front_end_ms", "of_microwakeword"}]}``; the last is
    the share of microWakeWord's time, None where that is not installed. Raises KwsError for a
    file that is no model.
    """
    contenders = [_ours(path) for path in models] + _peers(report)
    chunks = _audio()
    for contender in contenders:  # first calls fetch pages and choose kernels
        _time(contender.feed, chunks)
    works = {
        (contender.name, part): work
        for contender in contenders
        for part in ("feed", "front_end")
        if (work := getattr(contender, part))
    }
    times = interleaved(
        {key: lambda work=work: _time(work, chunks) for key, work in works.items()},
        QUICK_ROUNDS if quick else ROUNDS,
    )
    rows = [_row(contender, times) for contender in contenders]
    micro = [row["ms_per_second"] for row in rows if row["model"].startswith("microWakeWord")]
    for row in rows:
        row["of_microwakeword"] = row["ms_per_second"] / micro[0] if micro else None
        share = f", {row['of_microwakeword']:.2f} of microWakeWord's" if micro else ""
        report(f"{row['model']:40} {row['ms_per_second']:8.3f} ms a second{share}")
    result = {
        "made_by": provenance(),
        "method": METHOD,
        "versions": installed_versions(PACKAGES),
        "rows": rows,
    }
    write_results(path_json, result, table, picture)
    return result


def table(result: dict) -> str:
    """The results as Markdown."""
    head = ["model", "file bytes", "ms between steps", "CPU ms a second of audio", "quartiles"]
    head += ["of it front end", "of microWakeWord's"]
    rows = []
    for row in result["rows"]:
        low, high = row["quartiles"]
        front_end, share = row["front_end_ms"], row["of_microwakeword"]
        rows.append(
            [
                row["model"],
                f"{row['file_bytes']:,}",
                f"{row['step_ms']:g}",
                f"{row['ms_per_second']:.3f}",
                f"{low:.3f}–{high:.3f}",
                "–" if front_end is None else f"{front_end:.3f}",
                "–" if share is None else f"{share:.2f}",
            ]
        )
    title = "# What listening costs"
    return (
        f"{title}\n\n{result['method']}\n\n{made_by(result)}\n\n"
        f"{markdown_table(head, rows, texts=1)}\n"
    )


def picture(result: dict, path: Path) -> None:
    """A bar a model, on a logarithmic scale."""
    from matplotlib.figure import Figure

    rows = result["rows"][::-1]
    figure = Figure(figsize=(8, 1.2 + 0.45 * len(rows)), layout="constrained")
    axes = figure.subplots()
    colours = ["#b0b0b0" if "WakeWord" in row["model"] else "#2a6f97" for row in rows]
    values = [row["ms_per_second"] for row in rows]
    bars = axes.barh([row["model"] for row in rows], values, color=colours)
    axes.bar_label(bars, [f"{value:.2f}" for value in values], padding=4)
    axes.set(xscale="log", xlabel="CPU milliseconds a second of audio, front end included")
    axes.set_xlim(min(values) / 3, max(values) * 3)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)


def _row(contender: Contender, times: dict) -> dict:
    median, quartiles = median_and_quartiles(times[contender.name, "feed"])
    front_end = times.get((contender.name, "front_end"))
    return {
        "model": contender.name,
        "file_bytes": contender.file_bytes,
        "step_ms": contender.step_ms,
        "ms_per_second": median,
        "quartiles": quartiles,
        "front_end_ms": median_and_quartiles(front_end)[0] if front_end else None,
    }


def _time(feed: Callable[[bytes], object], chunks: list[bytes]) -> float:
    """Milliseconds of CPU time a second of audio."""

    def run() -> None:
        for chunk in chunks:
            feed(chunk)

    return 1e3 * seconds(run) / SECONDS


def _audio() -> list[bytes]:
    rng = np.random.default_rng(0)
    loudness = np.repeat(rng.uniform(0.001, 0.3, SECONDS * 10), 1600)
    samples = np.clip(loudness * rng.standard_normal(len(loudness)), -1, 1)
    integers = audio.to_int16(samples)
    return [integers[at : at + CHUNK].tobytes() for at in range(0, len(integers), CHUNK)]


def _ours(path: Path) -> Contender:
    model = Model(path)
    # A threshold out of reach: noise is to be decided on, not to be heard as words.
    detector, features = Detector(model, threshold=1.1), feature_stream(model.frontend)
    return Contender(
        f"{path.parent.name}/{path.name}",
        path.stat().st_size,
        detector.step_ms,
        lambda data: detector.feed(_floats(data)),
        lambda data: features.feed(_floats(data)),
    )


def _floats(data: bytes) -> np.ndarray:
    return audio.from_int16(np.frombuffer(data, "<i2"))


def _peers(report: Callable[[str], None]) -> list[Contender]:
    found = []
    for peer in (_micro_wake_word, _open_wake_word):
        try:
            found.append(peer())
        except ImportError as error:
            report(f'{error.name} is not installed and left out; pip install "kws[peers]"')
    return found


def _micro_wake_word() -> Contender:
    import pymicro_wakeword as micro

    network = micro.MicroWakeWord.from_builtin(micro.Model.ALEXA)
    features, alone = micro.MicroWakeWordFeatures(), micro.MicroWakeWordFeatures()

    def feed(data: bytes) -> None:
        for frame in features.process_streaming(data):
            network.process_streaming(frame)

    return _peer(MicroWakeWord, feed, lambda data: list(alone.process_streaming(data)))


def _open_wake_word() -> Contender:
    import pyopen_wakeword as openww

    network = openww.OpenWakeWord.from_builtin(openww.Model.ALEXA)
    features = openww.OpenWakeWordFeatures.from_builtin()

    def feed(data: bytes) -> None:
        for embedding in features.process_streaming(data):
            for _ in network.process_streaming(embedding):
                pass

    return _peer(OpenWakeWord, feed)


def _peer(peer: type[Peer], feed: Callable, front_end: Callable | None = None) -> Contender:
    size = sum(path.stat().st_size for path in peer.files(WORD))
    return Contender(f"{peer.title} {WORD}", size, peer.step_ms, feed, front_end)

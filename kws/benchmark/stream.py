"""``kws bench stream``: CPU time of wake word engines, ours beside other projects'."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from kws import audio
from kws.benchmark.figures import bar_panels
from kws.benchmark.results import installed_versions, markdown_page, markdown_table, write_results
from kws.benchmark.timing import interleaved, median_and_quartiles, seconds
from kws.evaluation.systems import PEERS, MicroWakeWord, Peer
from kws.runtime.detector import Detector, feature_stream
from kws.runtime.model import Model

SECONDS, ROUNDS, QUICK_ROUNDS = 8, 25, 5
WORD = "alexa"  # of the peers
CHUNK = 1280  # samples: 80 ms, what openWakeWord takes at a time

METHOD = (
    f"CPU time of the whole process, all its threads, for {SECONDS} seconds of noise of changing "
    "loudness, per second of it: the median of interleaved rounds, with their quartiles. Every one "
    "gets the same 16-bit samples in pieces of 80 ms through its Python interface, and goes from "
    "samples to decision, or to the score that its user compares with a threshold; one thread "
    "each. The front end's share is measured by itself in the same rounds."
)


@dataclass(frozen=True)
class Engine:
    """A wake word engine. feed: takes 16-bit samples and does everything. front_end: only makes
    the features, where these can be had alone. step_ms: audio between two inferences."""

    name: str
    file_bytes: int
    step_ms: float
    feed: Callable[[bytes], object]
    front_end: Callable[[bytes], object] | None = None


def bench_stream(models: Sequence[Path], path_json: Path | str, quick: bool = False) -> dict:
    """Measure models of kws, windowed or streaming, and "alexa" of the peers that are installed.

    Writes the results to ``path_json``, a table and a picture beside it (.md and .png). Returns
    what is written; "of_microwakeword" is the share of microWakeWord's time, None where that is not
    installed. Raises KwsError for a file that is no model.
    """
    engines = [_ours(path) for path in models]
    for peer in PEERS.values():
        if find_spec(peer.package):
            engines.append(_peer(peer))
        else:
            print(f'{peer.package} is not installed and left out; pip install "kws[peers]"')
    chunks = _noise()
    for engine in engines:
        _ms_per_second(engine.feed, chunks)  # first calls fetch pages and choose kernels
    parts = {
        (engine.name, part): work
        for engine in engines
        for part in ("feed", "front_end")
        if (work := getattr(engine, part))
    }
    times = interleaved(
        {key: lambda work=work: _ms_per_second(work, chunks) for key, work in parts.items()},
        QUICK_ROUNDS if quick else ROUNDS,
    )
    figures = {key: median_and_quartiles(taken) for key, taken in times.items()}
    micro = [
        figures[engine.name, "feed"][0]
        for engine in engines
        if engine.name.startswith(MicroWakeWord.title)
    ]
    rows = []
    for engine in engines:
        ms, quartiles = figures[engine.name, "feed"]
        row = {
            "model": engine.name,
            "file_bytes": engine.file_bytes,
            "step_ms": engine.step_ms,
            "ms_per_second": ms,
            "quartiles": quartiles,
            "front_end_ms": figures.get((engine.name, "front_end"), [None])[0],
            "of_microwakeword": ms / micro[0] if micro else None,
        }
        rows.append(row)
        share = f", {row['of_microwakeword']:.2f} of microWakeWord's" if micro else ""
        print(f"{engine.name:40} {ms:8.3f} ms a second{share}")
    packages = ["pymicro-features", *(peer.distribution for peer in PEERS.values())]
    contents = {
        "method": METHOD,
        "versions": installed_versions(packages),
        "rows": rows,
    }
    title = "CPU ms a second of audio"
    picture = bar_panels({title: {row["model"]: row["ms_per_second"] for row in rows}})
    return write_results(path_json, contents, page, picture)


def page(result: dict) -> str:
    """The results as Markdown."""
    columns = {
        "model": "{model}",
        "file bytes": "{file_bytes:,}",
        "ms between steps": "{step_ms:g}",
        "CPU ms a second of audio": "{ms_per_second:.3f}",
        "quartiles": "{quartiles[0]:.3f}–{quartiles[1]:.3f}",
        "of it front end": "{front_end_ms:.3f}",
        "of microWakeWord's": "{of_microwakeword:.2f}",
    }
    table = markdown_table(columns, result["rows"])
    return markdown_page("CPU time of a stream", result, table)


def _ours(path: Path) -> Engine:
    model = Model(path)
    # With a threshold out of reach, noise is decided on but never reported.
    detector, features = Detector(model, threshold=1.1), feature_stream(model.frontend)
    return Engine(
        f"{path.parent.name}/{path.name}",
        path.stat().st_size,
        detector.step_ms,
        lambda data: detector.feed(_floats(data)),
        lambda data: features.feed(_floats(data)),
    )


def _peer(kind: type[Peer]) -> Engine:
    peer, front_end = kind(WORD), None
    if kind is MicroWakeWord:
        from pymicro_wakeword import MicroWakeWordFeatures

        features = MicroWakeWordFeatures()

        def front_end(data: bytes) -> list:
            return list(features.process_streaming(data))

    return Engine(peer.name, peer.file_bytes, peer.step_ms, peer.step, front_end)


def _noise() -> list[bytes]:
    rng = np.random.default_rng(0)
    loudness = np.repeat(rng.uniform(0.001, 0.3, SECONDS * 10), 1600)
    samples = np.clip(loudness * rng.standard_normal(len(loudness)), -1, 1)
    integers = audio.to_int16(samples)
    return [integers[at : at + CHUNK].tobytes() for at in range(0, len(integers), CHUNK)]


def _ms_per_second(feed: Callable[[bytes], object], chunks: list[bytes]) -> float:
    """Milliseconds of CPU time a second of audio."""

    def run() -> None:
        for chunk in chunks:
            feed(chunk)

    return 1e3 * seconds(run) / SECONDS


def _floats(data: bytes) -> np.ndarray:
    return audio.from_int16(np.frombuffer(data, "<i2"))

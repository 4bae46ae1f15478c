"""An hour of joined clips in chunks of every size, and a day of it in a loop; see long_streams.md.

    python docs/results/long_streams.py DATA STREAMING.tflite WINDOWED.tflite

DATA is Speech Commands v0.02, of which the validation clips are used, in random order with pauses.
The two files are the same network's. Detections must be the same for all chunks and in both
files. Memory and CPU time of the day are noted hour by hour.
"""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

from kws import audio
from kws.datasets import clips
from kws.datasets.noise import Noise
from kws.evaluation import streams
from kws.evaluation.decisions import match
from kws.runtime.detector import Detection, Detector
from kws.runtime.model import Model
from kws.utils.files import write_text
from kws.utils.provenance import provenance

RESULTS = Path("docs/results/long_streams.json")
HOUR = 3600 * audio.RATE
CHUNKS = {"1 sample": 1, "1 ms": 16, "100 ms": 1600, "10 s": 160_000}
HOURS = 24


def hour_of_clips(data: Path) -> tuple[np.ndarray, list[streams.Segment]]:
    """Clips one after the other until the hour is full."""
    rng = np.random.default_rng(0)
    found = [clip for clip in clips.scan(data) if clip.split == "validation"]
    chosen = [found[k] for k in rng.integers(0, len(found), 2000)]
    samples, places = streams.join_clips(chosen, Noise(data / clips.NOISE), rng)
    return samples[:HOUR], [place for place in places if place.end * audio.RATE < HOUR]


def detect(model: Path, samples: np.ndarray, chunk: int) -> tuple[list[Detection], float]:
    """Detections, and CPU milliseconds a second of audio."""
    detector, found = Detector(Model(model)), []
    began = time.process_time()
    for at in range(0, len(samples), chunk):
        found += detector.feed(samples[at : at + chunk])
    spent = time.process_time() - began
    return found + detector.finish(), 1e3 * spent / (len(samples) / audio.RATE)


def day(model: Path, samples: np.ndarray) -> list[dict]:
    """Resident memory after, and CPU time of, each hour of one stream."""
    detector, hours = Detector(Model(model)), []
    for _ in range(HOURS):
        began, count = time.process_time(), 0
        for at in range(0, len(samples), 1600):
            count += len(detector.feed(samples[at : at + 1600]))
        spent = 1e3 * (time.process_time() - began) / (len(samples) / audio.RATE)
        hours.append({"detections": count, "ms_per_second": spent, "resident_kib": _resident()})
    return hours


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 1024


def main(data: Path, streaming: Path, windowed: Path) -> None:
    samples, places = hour_of_clips(data)
    rows, first = [], None
    for name, chunk in CHUNKS.items():
        found, cost = detect(streaming, samples, chunk)
        first = first or found
        rows.append({"file": streaming.name, "chunks": name, "detections": len(found)})
        rows[-1] |= {"same_detections": found == first, "ms_per_second": cost}
        print(rows[-1], flush=True)
    found, cost = detect(windowed, samples, 1600)
    # Scores differ in the last digits.
    same = [(d.keyword, d.time) for d in found] == [(d.keyword, d.time) for d in first]
    rows.append({"file": windowed.name, "chunks": "100 ms", "detections": len(found)})
    rows[-1] |= {"same_detections": same, "ms_per_second": cost}
    words = [label for label in Model(streaming).labels if not label.startswith("_")]
    result = {
        "made_by": provenance(),
        "model": streaming.parent.name,
        "hour": counts(first, places, words),
        "rows": rows,
        "day": day(streaming, samples),
    }
    write_text(RESULTS, json.dumps(result, indent=1) + "\n")
    write_text(RESULTS.with_suffix(".md"), table(result))


def counts(detections: list[Detection], places: list[streams.Segment], words: list[str]) -> dict:
    """``words``: clips of keywords; ``found``: how many are reported; ``false``: other reports."""
    matched = [match([d for d in detections if d.keyword == w], places, w) for w in words]
    first = np.concatenate([first for first, _ in matched])
    false = sum(len(false) for _, false in matched)
    return {"words": len(first), "found": int(np.isfinite(first).sum()), "false": false}


def table(result: dict) -> str:
    """The results as Markdown."""
    made = ", ".join(f"{key} {value}" for key, value in result["made_by"].items())
    hour, hours = result["hour"], result["day"]
    lines = ["| file | chunks of | detections | the same | CPU ms a second |"]
    lines.append("|---|---|---:|---|---:|")
    for row in result["rows"]:
        same = "yes" if row["same_detections"] else "no"
        lines.append(
            f"| {row['file']} | {row['chunks']} | {row['detections']} | {same} "
            f"| {row['ms_per_second']:.3f} |"
        )
    costs = [row["ms_per_second"] for row in hours]
    return f"""# Long streams

One hour of joined Speech Commands validation clips with pauses, through {result["model"]}:
{hour["found"]} of {hour["words"]} words found and {hour["false"]} false detections at the model's
own thresholds. "The same" compares keyword and time of each detection, and among chunks the score
too, with those of the first row.

{chr(10).join(lines)}

The hour {len(hours)} times over in one stream, in chunks of 100 ms: {hours[1]["detections"]}
detections in the second hour and {hours[-1]["detections"]} in the last; resident memory
{hours[1]["resident_kib"]:,} KiB after the second and {hours[-1]["resident_kib"]:,} KiB after the
last, the hour of audio included; from {min(costs):.3f} to {max(costs):.3f} ms of CPU time a second.

By `docs/results/long_streams.py`: {made}.
"""


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))

"""A stream of audio becomes detections of keywords.

Every few frames the network gives posteriors for the window that ends there. ``Decision`` finds the
peaks of keywords in them.
"""

from dataclasses import dataclass

import numpy as np

from kws.frontend.log_mel import FeatureStream, FrontEnd
from kws.frontend.native import NativeFeatureStream
from kws.runtime.decision import REFRACTORY_MS, SMOOTHING_MS, STEP_MS, Decision
from kws.runtime.model import Model
from kws.utils.console import note_once
from kws.utils.errors import KwsError


@dataclass(frozen=True)
class Detection:
    """A detected keyword.

    time: where the word is, in seconds from the start of the stream: the centre of the sound in
    the window that scored highest. decided: when the score had its peak. score: in [0, 1].
    """

    time: float
    keyword: str
    score: float
    decided: float

    def __str__(self) -> str:
        """The line of ``kws detect`` and ``kws listen``."""
        return f"{self.time:9.2f} s  {self.keyword:<12} {self.score:.2f}"


class Detector:
    """Finds keywords in a stream that is fed in chunks of any size.

    It decides as the model file says, unless an argument says otherwise. threshold: of every
    keyword. smoothing_ms, refractory_ms: as of ``Decision``. trace: keep the averaged posteriors.

    ``step_ms`` is the time between two steps, ``frontend_used`` the code that computes the
    features: "native" or "numpy" (``feature_stream``). After each feed ``scores`` holds the latest
    averaged posteriors (labels,), and ``trace``, if it was asked for, a (time, scores) pair for
    every step.

    A stream begins in silence. A sample that is no number counts as 0, one beyond a million as 1 or
    −1; scores of windows with such samples are wrong, later ones are right. The detections do not
    depend on how the stream is cut into chunks, and memory and speed not on its length.
    """

    def __init__(
        self,
        model: Model,
        threshold: float | None = None,
        smoothing_ms: float | None = None,
        refractory_ms: float | None = None,
        trace: bool = False,
    ):
        fe, saved = model.frontend, model.metadata.get("decision", {})
        self._frontend, self._window = fe, model.frames
        if model.step:
            self._network, self._taken, self._stride = model.stream(), model.step, model.step
        else:
            self._network, self._taken = model, model.frames
            self._stride = max(1, round(STEP_MS / fe.hop_ms))
        thresholds = saved.get("thresholds", {})
        if threshold is not None:
            thresholds = dict.fromkeys(model.labels, threshold)
        if smoothing_ms is None:
            smoothing_ms = saved.get("smoothing_ms", SMOOTHING_MS)
        if refractory_ms is None:
            refractory_ms = saved.get("refractory_ms", REFRACTORY_MS)
        self.step_ms = self._stride * fe.hop_ms
        self._decision = Decision(
            model.labels, self.step_ms, thresholds, smoothing_ms, refractory_ms
        )
        self._stream = feature_stream(fe)
        self.frontend_used = "numpy" if isinstance(self._stream, FeatureStream) else "native"
        # Silence before the first frame, so that a word at the start is found too.
        self._recent = _Recent(model.frames + self._stride, fe.bands, np.log(fe.floor))
        self._frames = 0
        self.labels = model.labels
        self.trace: list[tuple[float, np.ndarray]] | None = [] if trace else None

    @property
    def scores(self) -> np.ndarray:
        return self._decision.scores

    def feed(self, chunk: np.ndarray) -> list[Detection]:
        """Take samples (any number, float32 in [-1, 1], 16 kHz); return new detections."""
        frames = self._stream.feed(chunk)
        detections, at = [], 0
        while at < len(frames):
            until = at + self._stride - self._frames % self._stride
            new = frames[at:until]
            self._recent.append(new)
            self._frames += len(new)
            at += len(new)
            if self._frames % self._stride == 0:
                detections += self._step()
        return detections

    def finish(self) -> list[Detection]:
        """End the stream: return the detections in it that silence after it completes."""
        return self.feed(np.zeros(self._window * self._frontend.hop, np.float32))

    def _step(self) -> list[Detection]:
        """Run the network on the new frames; report a keyword whose score has passed its peak."""
        now = self._frontend.samples_in(self._frames) / self._frontend.rate
        peak = self._decision.push(now, self._network(self._recent.latest(self._taken)))
        if self.trace is not None:
            self.trace.append((now, self.scores))
        if peak is None:
            return []
        time = self._loud_at(peak.time)
        return [Detection(round(time, 3), peak.keyword, round(peak.score, 4), round(peak.time, 3))]

    def _loud_at(self, now: float) -> float:
        """The centre in time of what is louder than the background in the window a step ago."""
        window = self._recent.latest(self._window + self._stride)[: self._window]
        power = np.exp(window).sum(axis=1)
        power = np.maximum(0, power - np.median(power)) + 1e-9
        frame = float(power @ np.arange(len(power)) / power.sum())
        return max(0.0, now - (len(power) - 1 - frame) * self._frontend.hop_ms / 1000)


def feature_stream(frontend: FrontEnd) -> NativeFeatureStream | FeatureStream:
    """The device's front end, or NumPy's where its library is not built or refuses the description.

    NumPy is slower, and a note on standard error says why it is used. The two differ by 3e-4 at
    most.
    """
    try:
        return NativeFeatureStream(frontend)
    except KwsError as error:
        note_once(f"{error}; NumPy computes the features, slower")
        return frontend.stream()


class _Recent:
    """The latest ``span`` frames of a stream, contiguous in memory; ``before``: the value of
    frames before the stream began."""

    def __init__(self, span: int, bands: int, before: float):
        self._span = span
        self._frames = np.full((4 * span, bands), before, np.float32)
        self._end = span

    def append(self, frames: np.ndarray) -> None:
        """Take new frames (at most ``span``, bands)."""
        if self._end + len(frames) > len(self._frames):
            self._frames[: self._span] = self._frames[self._end - self._span : self._end]
            self._end = self._span
        self._frames[self._end : self._end + len(frames)] = frames
        self._end += len(frames)

    def latest(self, count: int) -> np.ndarray:
        """A view of the last ``count`` frames (count, bands), good until the next ``append``."""
        return self._frames[self._end - count : self._end]

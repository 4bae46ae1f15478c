"""The log-mel front end: the definition that training, Python and the device follow.

A frame is ``window`` samples every ``hop`` samples. Frame k starts at sample k·hop, so that a clip
and a stream give the same frames. Each frame is multiplied by a periodic Hann window, padded with
zeros to a power of two and transformed. Its power spectrum is summed in triangular bands on the HTK
mel scale (O'Shaughnessy 1987: mel = 2595 log10(1 + f/700)). The feature is ``ln(power + floor)``.
"""

from dataclasses import asdict, dataclass, fields
from functools import cached_property

import numpy as np

from kws.utils.errors import KwsError

_LARGEST = 1e6  # of a sample in a stream; as in export/frontend/log_mel.c


@dataclass(frozen=True)
class FrontEnd:
    """Description of the log-mel features; equal descriptions give equal features.

    rate: samples per second. window_ms, hop_ms: milliseconds. bands: number of mel bands between
    low_hz and high_hz. floor: added to each band's power before the logarithm. Raises KwsError if
    a value is out of range.
    """

    rate: int = 16000
    window_ms: float = 25.0
    hop_ms: float = 10.0
    bands: int = 40
    low_hz: float = 20.0
    high_hz: float = 7600.0
    floor: float = 1e-4

    def __post_init__(self) -> None:
        if self.rate != 16000:
            raise KwsError(f"frontend: rate = {self.rate} is not supported; use 16000", 2)
        if not 0 < self.hop_ms <= self.window_ms:
            raise KwsError("frontend: hop_ms must be positive and at most window_ms", 2)
        if not 0 <= self.low_hz < self.high_hz <= self.rate / 2:
            raise KwsError(
                f"frontend: need 0 <= low_hz < high_hz <= {self.rate / 2:g} (half the rate)", 2
            )
        if self.bands < 1 or self.floor <= 0:
            raise KwsError("frontend: bands and floor must be positive", 2)
        if (self.mel_matrix.sum(axis=0) == 0).any():
            raise KwsError(f"frontend: {self.bands} bands are too narrow here; use fewer bands", 2)

    @classmethod
    def from_dict(cls, description: dict) -> "FrontEnd":
        """The front end that a model file or a recipe describes.

        Raises KwsError if a key is unknown or a value out of range.
        """
        known = {f.name for f in fields(cls)}
        if unknown := set(description) - known:
            raise KwsError(f"frontend: unknown setting {sorted(unknown)[0]!r}", 2)
        return cls(**description)

    def to_dict(self) -> dict:
        return asdict(self)

    @property
    def window(self) -> int:
        """Samples in a frame."""
        return round(self.rate * self.window_ms / 1000)

    @property
    def hop(self) -> int:
        """Samples between the starts of two frames."""
        return round(self.rate * self.hop_ms / 1000)

    @property
    def fft_length(self) -> int:
        return 1 << (self.window - 1).bit_length()

    def frames_in(self, samples: int) -> int:
        """How many whole frames ``samples`` samples hold."""
        return max(0, 1 + (samples - self.window) // self.hop)

    def samples_in(self, frames: int) -> int:
        """How many samples ``frames`` frames span."""
        return (frames - 1) * self.hop + self.window

    @cached_property
    def hann(self) -> np.ndarray:
        """The periodic Hann window, float32 (window,)."""
        phase = 2 * np.pi * np.arange(self.window) / self.window
        return (0.5 - 0.5 * np.cos(phase)).astype(np.float32)

    @cached_property
    def mel_matrix(self) -> np.ndarray:
        """Weights of the triangular bands, float32 (fft_length // 2 + 1, bands)."""

        def to_mel(hz):
            return 2595 * np.log10(1 + np.asarray(hz) / 700)

        corners_mel = np.linspace(to_mel(self.low_hz), to_mel(self.high_hz), self.bands + 2)
        corners = 700 * (10 ** (corners_mel / 2595) - 1)
        bins = np.arange(self.fft_length // 2 + 1) * self.rate / self.fft_length
        left, centre, right = corners[:-2], corners[1:-1], corners[2:]
        rising = (bins[:, None] - left) / (centre - left)
        falling = (right - bins[:, None]) / (right - centre)
        return np.maximum(0, np.minimum(rising, falling)).astype(np.float32)

    def features(self, samples: np.ndarray) -> np.ndarray:
        """Features of clips: (..., samples) float in [-1, 1] -> float32 (..., frames, bands).

        A clip shorter than a window has no frames.
        """
        samples = np.asarray(samples, np.float32)
        if samples.shape[-1] < self.window:
            return np.zeros((*samples.shape[:-1], 0, self.bands), np.float32)
        frames = np.lib.stride_tricks.sliding_window_view(samples, self.window, axis=-1)
        frames = frames[..., :: self.hop, :] * self.hann
        spectrum = np.fft.rfft(frames, self.fft_length)
        power = spectrum.real**2 + spectrum.imag**2
        return np.log(power @ self.mel_matrix + np.float32(self.floor))

    def stream(self) -> "FeatureStream":
        """A stream of these features, computed in NumPy."""
        return FeatureStream(self)


class FeatureStream:
    """Log-mel frames of audio that arrives in chunks: those of the whole clip, but for rounding.

    A sample that is no number counts as 0, one beyond ±1,000,000 as 1 or −1. Any other sample is
    taken as it is, also beyond ±1.
    """

    def __init__(self, frontend: FrontEnd):
        self._frontend = frontend
        self._pending = np.zeros(0, np.float32)

    def feed(self, chunk: np.ndarray) -> np.ndarray:
        """Take any number of samples, float (count,); return the frames they complete, float32
        (frames, bands)."""
        chunk = np.asarray(chunk, np.float32)
        chunk = np.where(np.abs(chunk) > _LARGEST, np.sign(chunk), np.nan_to_num(chunk))
        self._pending = np.concatenate([self._pending, chunk])
        frames = self._frontend.features(self._pending)
        self._pending = self._pending[len(frames) * self._frontend.hop :]
        return frames

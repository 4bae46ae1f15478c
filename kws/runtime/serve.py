"""A wake-word engine for Home Assistant and others that speak the Wyoming protocol.

A client asks which wake words there are (Describe → Info), names those it waits for (Detect) and
streams audio (AudioStart, AudioChunk …, AudioStop). It gets a Detection for each of them, or
NotDetected at the end of audio without any. Every keyword of every model is a wake word. Each
client has its own stream; all clients share the models.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import soxr
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event, Eventable
from wyoming.info import Attribution, Describe, Info, WakeModel, WakeProgram
from wyoming.ping import Ping, Pong
from wyoming.server import AsyncEventHandler, AsyncServer
from wyoming.wake import Detect, Detection, NotDetected

from kws import __version__, audio
from kws.labels import SILENCE, UNKNOWN
from kws.runtime.detector import Detector
from kws.runtime.model import Model
from kws.utils.errors import KwsError


async def serve(models: Sequence[Model], uri: str) -> None:
    """Answer clients until stopped.

    uri: "tcp://HOST:PORT", "unix://FILE" or "stdio://". Raises KwsError for two models with the
    same keyword, or a URI that is none of these.
    """
    words = wake_words(models)
    try:
        server = AsyncServer.from_uri(uri)
    except ValueError as error:
        raise KwsError(f"{uri}: {error}", 2) from error
    await server.run(partial(Client, words))


def wake_words(models: Sequence[Model]) -> dict[str, Model]:
    """Every keyword with the model that knows it. Raises KwsError if two models have the same."""
    words: dict[str, Model] = {}
    for model in models:
        for label in model.labels:
            if label in (UNKNOWN, SILENCE):
                continue
            if label in words:
                raise KwsError(f"{model.path}: {words[label].path} has {label!r} too; take one", 2)
            words[label] = model
    return words


class Client(AsyncEventHandler):
    """One connection."""

    def __init__(self, words: dict[str, Model], *streams):
        super().__init__(*streams)
        self._words = words
        self._wanted = set(words)
        self._begin()

    async def handle_event(self, event: Event) -> bool:
        """Answer one event; False ends the connection."""
        try:
            for answer in self._answers(event):
                await self.write_event(answer.event())
        except (KeyError, TypeError, ValueError) as error:
            await self.write_event(Error(f"{event.type}: {error}", "bad-event").event())
            return False
        return True

    def _answers(self, event: Event) -> list[Eventable]:
        if Describe.is_type(event.type):
            return [info(self._words)]
        if Detect.is_type(event.type):
            return self._choose(Detect.from_event(event).names)
        if AudioStart.is_type(event.type):
            self._begin()
        elif AudioChunk.is_type(event.type):
            chunk = AudioChunk.from_event(event)
            return self._feed(self._samples(chunk), chunk.timestamp)
        elif AudioStop.is_type(event.type):
            return self._end()
        elif Ping.is_type(event.type):
            return [Pong(Ping.from_event(event).text)]
        return []

    def _choose(self, names: list[str] | None) -> list[Eventable]:
        """Report only these words from now on; all of them if there are no names."""
        self._wanted = set(self._words) & set(names or self._words)
        self._begin()
        if unknown := sorted(set(names or ()) - set(self._words)):
            known = ", ".join(self._words)
            text = f"no wake word {', '.join(map(repr, unknown))} here; there are {known}"
            return [Error(text, "unknown-wake-word")]
        return []

    def _begin(self) -> None:
        models = {id(m): m for word, m in self._words.items() if word in self._wanted}
        self._detectors = [Detector(model) for model in models.values()]
        self._resample, self._rate = None, audio.RATE
        self._detected = False

    def _samples(self, chunk: AudioChunk) -> np.ndarray:
        """A chunk of any rate and number of channels as float32 (samples,) at 16 kHz.

        Raises ValueError for another format.
        """
        if chunk.width != 2 or chunk.channels < 1 or not 8000 <= chunk.rate <= 192000:
            raise ValueError("audio must be 16-bit, at 8 to 192 kHz")
        samples = audio.from_int16(np.frombuffer(chunk.audio, "<i2"))
        samples = samples.reshape(-1, chunk.channels).mean(axis=1)
        if chunk.rate != self._rate:
            self._rate = chunk.rate
            self._resample = soxr.ResampleStream(chunk.rate, audio.RATE, 1, dtype="float32")
        return self._resample.resample_chunk(samples) if self._resample else samples

    def _feed(self, samples: np.ndarray, timestamp: int | None) -> list[Eventable]:
        found = [hit for detector in self._detectors for hit in detector.feed(samples)]
        return self._report(found, timestamp)

    def _end(self) -> list[Eventable]:
        found = [hit for detector in self._detectors for hit in detector.finish()]
        answers = self._report(found, None)
        if not self._detected:
            answers.append(NotDetected())
        self._begin()
        return answers

    def _report(self, found: list, timestamp: int | None) -> list[Eventable]:
        """The wanted detections. Times in ms: of the client's clock if it sends its own."""
        wanted = [hit for hit in found if hit.keyword in self._wanted]
        self._detected = self._detected or bool(wanted)
        return [
            Detection(
                name=hit.keyword,
                timestamp=round(1000 * hit.decided) if timestamp is None else timestamp,
            )
            for hit in wanted
        ]


def info(words: dict[str, Model]) -> Info:
    """The answer to Describe."""
    source = Attribution(name="kws", url="")
    models = [
        WakeModel(
            name=word,
            phrase=word.replace("_", " "),
            description=f"{word.replace('_', ' ')} ({model.path.stem})",
            version=__version__,
            languages=[model.metadata.get("language", "en")],
            installed=True,
            attribution=source,
        )
        for word, model in words.items()
    ]
    program = WakeProgram(
        name="kws",
        description="Tiny keyword spotting with structured layers",
        version=__version__,
        installed=True,
        attribution=source,
        models=models,
    )
    return Info(wake=[program])

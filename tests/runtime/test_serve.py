"""The wake-word engine, asked by the protocol library's own client over loopback."""

import asyncio
import socket

import numpy as np
import pytest
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong
from wyoming.wake import Detect, Detection, NotDetected

from kws.cli.main import main
from kws.runtime.serve import serve
from tests import tones
from tests.conftest import ROOT
from tests.runtime.stand_ins import ToneModel

RELEASED = str(ROOT / "models" / "quickstart" / "dense.tflite")


def speak(*words: str, rate: int = 16000, channels: int = 1, silence: float = 0.6) -> list[Event]:
    """Words with pauses as a client sends them: pieces of 16-bit samples."""
    pause = np.zeros(int(silence * 16000), np.float32)
    pieces = [pause] + [part for k, w in enumerate(words) for part in (tones.tone(w, k), pause)]
    samples = np.repeat(np.concatenate(pieces), rate // 16000)
    pcm = np.repeat((samples * 32767).astype("<i2")[:, None], channels, axis=1).tobytes()
    size = rate // 10 * 2 * channels  # a tenth of a second
    chunks = [
        AudioChunk(rate, 2, channels, pcm[size * k : size * (k + 1)], timestamp=100 * k)
        for k in range(-(-len(pcm) // size))
    ]
    events = [AudioStart(rate, 2, channels), *chunks, AudioStop()]
    return [event.event() for event in events]


def converse(*clients: list[Event]) -> list[list[Event]]:
    """What the server answers to each of several clients that send at the same time."""

    async def one(uri: str, events: list[Event]) -> list[Event]:
        for _ in range(100):
            try:
                client = AsyncTcpClient(*uri)
                await client.connect()
                break
            except ConnectionRefusedError:
                await asyncio.sleep(0.1)
        for event in [*events, Ping("over").event()]:
            await client.write_event(event)
            await asyncio.sleep(0)
        answers = []
        while (event := await client.read_event()) is not None and not Pong.is_type(event.type):
            answers.append(event)
        await client.disconnect()
        return answers

    async def all_of_them():
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = asyncio.create_task(serve([ToneModel()], f"tcp://127.0.0.1:{port}"))
        try:
            return await asyncio.gather(*(one(("127.0.0.1", port), c) for c in clients))
        finally:
            server.cancel()

    return asyncio.run(asyncio.wait_for(all_of_them(), 60))


def names(answers: list[Event]) -> list[str | None]:
    return [Detection.from_event(a).name if Detection.is_type(a.type) else None for a in answers]


def test_describe_lists_the_wake_words():
    [[answer]] = converse([Describe().event()])
    [program] = Info.from_event(answer).wake
    assert program.name == "kws"
    assert [m.name for m in program.models] == ["low", "high"]
    assert all(m.installed and m.languages for m in program.models)


def test_words_are_detected_in_their_order():
    [answers] = converse([Detect().event(), *speak("low", "high", "low")])
    assert names(answers) == ["low", "high", "low"]
    times = [Detection.from_event(answer).timestamp for answer in answers]
    assert times == sorted(times)
    assert 600 < times[0] < 2000


def test_clients_at_the_same_time_do_not_disturb_each_other():
    first, second, third = converse(
        [Detect(names=["low"]).event(), *speak("low", "high")],
        [Detect(names=["high"]).event(), *speak("high", "high", "low")],
        [Detect(names=["low"]).event(), *speak("other")],
    )
    assert names(first) == ["low"]
    assert names(second) == ["high", "high"]
    assert [NotDetected.is_type(answer.type) for answer in third] == [True]


def test_other_formats_and_streams_one_after_another():
    [answers] = converse([*speak("low", rate=48000, channels=2), *speak("other"), *speak()])
    assert names(answers) == ["low", None, None]


def test_a_word_that_the_end_cuts_off_is_detected():
    [answers] = converse(speak("low", silence=0.0))
    assert names(answers) == ["low"]


def test_an_unknown_name_is_answered_with_an_error():
    [answers] = converse([Detect(names=["jarvis"]).event()])
    assert "jarvis" in Error.from_event(answers[0]).text


@pytest.mark.parametrize(
    ("format", "pcm"),
    [
        ({"rate": 0, "width": 2, "channels": 1}, b"1234"),
        ({"rate": 16000, "width": 3, "channels": 1}, b"123"),
        ({"rate": 16000, "width": 2, "channels": 0}, b"1234"),
        ({"rate": 16000, "width": 2, "channels": 1}, b"123"),
        ({"rate": 16000}, b""),
    ],
)
def test_what_is_no_audio_ends_the_connection_with_an_error(format, pcm):
    [answers] = converse([Event("audio-chunk", format, pcm)])
    assert [Error.is_type(answer.type) for answer in answers] == [True]


@pytest.mark.parametrize("uri", ["http://localhost:1", "tcp://nowhere"])
def test_wrong_uris(uri, capsys):
    assert main(["serve", "--model", RELEASED, "--uri", uri]) == 2
    assert uri in capsys.readouterr().err


def test_the_same_word_twice(capsys):
    assert main(["serve", "--model", RELEASED, RELEASED]) == 2
    assert "too" in capsys.readouterr().err

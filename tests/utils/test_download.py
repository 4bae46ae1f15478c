"""Fetching a corpus from a server on loopback that breaks off, lies and resumes."""

import hashlib
import io
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from kws.utils.download import fetch, unpack
from kws.utils.errors import KwsError


def archive(*names: str, link: str | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = 5000
            tar.addfile(info, io.BytesIO(hashlib.sha512(name.encode()).digest() * 79))
        if link:
            info = tarfile.TarInfo(link)
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tar.addfile(info)
    return buffer.getvalue()


class Server(ThreadingHTTPServer):
    """Serves ``content``; breaks off after ``limit`` bytes of a reply; may ignore ranges."""

    content, limit, ranges = b"", 10**9, True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str | None] = []


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        wanted = self.headers.get("Range")
        self.server.asked.append(wanted)
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if self.server.ranges else 0
        body = self.server.content[start:]
        self.send_response(206 if self.server.ranges else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.limit])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def card(server, tmp_path):
    server.content = archive("yes/a.wav", "no/b.wav")
    path = tmp_path / "card.toml"
    path.write_text(
        f'address = "http://127.0.0.1:{server.server_port}/corpus.tar.gz"\n'
        f"bytes = {len(server.content)}\n"
        f'sha256 = "{hashlib.sha256(server.content).hexdigest()}"\n'
    )
    return path


def test_fetches_verifies_and_unpacks(card, tmp_path):
    out = fetch(card, tmp_path / "corpus")
    assert sorted(p.name for p in out.rglob("*.wav")) == ["a.wav", "b.wav"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["card.toml", "corpus"]


@pytest.mark.parametrize("ranges", [True, False], ids=["goes on", "server starts again"])
def test_a_broken_download_goes_on(card, server, tmp_path, ranges):
    server.limit = 100
    with pytest.raises(KwsError, match="again to go on"):
        fetch(card, tmp_path / "corpus")
    assert not (tmp_path / "corpus").exists()
    server.limit, server.ranges = 10**9, ranges
    fetch(card, tmp_path / "corpus")
    assert server.asked[-1] == "bytes=100-"
    assert (tmp_path / "corpus" / "yes" / "a.wav").stat().st_size == 5000


def test_a_damaged_download_is_removed(card, server, tmp_path):
    server.content = server.content[:-1] + b"x"
    with pytest.raises(KwsError, match="checksum"):
        fetch(card, tmp_path / "corpus")
    assert [p.name for p in tmp_path.iterdir()] == ["card.toml"]


def test_nothing_there_is_overwritten(card, tmp_path):
    (tmp_path / "corpus").mkdir()
    with pytest.raises(KwsError, match="is there already"):
        fetch(card, tmp_path / "corpus")


def test_an_unreachable_server(tmp_path, server):
    port = server.server_port
    server.server_close()
    card = tmp_path / "card.toml"
    card.write_text(f'address = "http://127.0.0.1:{port}/x"\nbytes = 5\nsha256 = "0"\n')
    with pytest.raises(KwsError, match="again to go on"):
        fetch(card, tmp_path / "corpus")


@pytest.mark.parametrize(
    "data",
    [archive("../outside.wav"), archive("/absolute.wav"), archive("a", link="b"), b"no tar"],
    ids=["parent", "absolute", "link", "not a tar"],
)
def test_unsafe_archives_leave_nothing(tmp_path, data):
    (tmp_path / "a.tar.gz").write_bytes(data)
    with pytest.raises(KwsError) as refused:
        unpack(tmp_path / "a.tar.gz", tmp_path / "inside" / "out")
    assert "\n" not in str(refused.value)
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == ["a.tar.gz"]

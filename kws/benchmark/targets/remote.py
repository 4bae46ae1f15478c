"""Machines that are reached through a client program (``Remote``), and by ssh (``Ssh``)."""

import hashlib
import secrets
import subprocess
import tempfile
from abc import abstractmethod
from pathlib import Path

from kws.benchmark.targets.bundle import MACHINES, bundle
from kws.benchmark.targets.host import last_line
from kws.benchmark.targets.timed import Timed, parse_report
from kws.benchmark.toolchain import require_program
from kws.utils.errors import KwsError

REPORT = "report.json"
RUNNING = "runner.pid"

# Nobody is there who could type a password.
_SSH_OPTIONS = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=10"]
_SSH_LOST = ("closed", "timed out", "refused", "resolve", "denied")


class Remote(Timed):
    """A machine with a shell; kws_runner and the models are copied into a folder of ours there.

    While it is entered, a shell there holds the folder. Whatever ends the connection (us, a pulled
    cable, a lost network) ends this shell, and it removes the folder as its last act.

    keep: leave the folder there instead, so that the next time only changed files are sent.
    """

    def __init__(self, name: str, folder: str, keep: bool = False, **options):
        super().__init__(name, **options)
        self.folder, self._keep = folder, keep
        self._holder: subprocess.Popen | None = None
        self._there: dict[str, str] = {}
        self.sent: list[str] = []

    @abstractmethod
    def client(self, script: str) -> list[str]:
        """The command that runs a script in a shell there."""

    @abstractmethod
    def copy(self, source: Path, name: str) -> list[str]:
        """The command that puts a file into our folder there."""

    @abstractmethod
    def fetch(self, name: str, target: Path) -> list[str]:
        """The command that gets a file from our folder there."""

    @abstractmethod
    def machine(self) -> str:
        """Its processor as ``uname -m`` names it. Raises KwsError if it cannot be reached."""

    def lost(self, complaint: str) -> str | None:
        """The message if the client complains that the machine is not there; else None."""
        return None

    def __enter__(self) -> "Remote":
        machine = self.machine()
        if machine not in MACHINES:
            what = machine or "unknown"
            raise KwsError(f"{self.name} is {what}; kws_runner is for {' and '.join(MACHINES)}")
        self._bundle = bundle(machine, self.tflite)
        try:
            self._hold()
            listing = self.shell(f"cd {self.folder} && sha256sum * 2>/dev/null")
            sums = (line.split() for line in listing.splitlines())
            self._there = {words[1]: words[0] for words in sums if len(words) == 2}
            for name, file in self._bundle.files.items():
                self.send(file, name)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception) -> None:
        if self._holder is None:
            return
        if self._holder.stdin:
            self._holder.stdin.close()
        try:
            self._holder.wait(20)
        except subprocess.TimeoutExpired:
            self._holder.kill()
            self._holder.wait()
        self._holder = None

    def run(self, model: Path, arguments: list[str]) -> dict:
        self.send(model, "model.tflite")
        options = " ".join(arguments)
        start = f"{self._bundle.command} model.tflite {options} > {REPORT}"
        # Its process number is kept, so that the holder can end it when the connection is lost.
        self.call(
            self.client(
                f"cd {self.folder} || exit 1; {start} & echo $! > {RUNNING}; wait $!; "
                f"status=$?; rm -f {RUNNING}; exit $status"
            )
        )
        with tempfile.TemporaryDirectory() as here:
            report = Path(here) / REPORT
            self.call(self.fetch(REPORT, report))
            return parse_report(report.read_text(), model, self.name)

    def shell(self, script: str) -> str:
        return subprocess.run(
            self.client(script), capture_output=True, text=True, stdin=subprocess.DEVNULL
        ).stdout

    def send(self, file: Path, name: str) -> None:
        """Put a file into our folder, unless it is there already."""
        contents = hashlib.sha256(file.read_bytes()).hexdigest()
        if self._there.get(name) == contents:
            return
        self._there.pop(name, None)
        self.call(self.copy(file, name))
        self._there[name] = contents
        self.sent.append(name)

    def call(self, command: list[str]) -> str:
        """What a client's command writes. Raises KwsError if it fails."""
        run = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if run.returncode == 0:
            return run.stdout
        complaint = f"{run.stdout}\n{run.stderr}"
        if "No space left" in complaint:
            raise KwsError(f"{self.name}: no room left in {self.folder}; make room and run again")
        raise self._failure(complaint, run.returncode)

    def _hold(self) -> None:
        if self._keep:
            self.call(self.client(f"mkdir -p {self.folder}"))
            return
        script = (
            f"trap 'kill $(cat {self.folder}/{RUNNING} 2>/dev/null) 2>/dev/null; "
            f"rm -rf {self.folder}' EXIT HUP INT TERM PIPE; mkdir -p {self.folder} && "
            "echo held; cat >/dev/null"
        )
        self._holder = subprocess.Popen(
            self.client(script),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        if self._holder.stdout.readline().strip() != "held":
            raise self._failure(self._holder.stderr.read(), "no folder to work in")

    def _failure(self, complaint: str, otherwise: object) -> KwsError:
        why = last_line(complaint) or otherwise
        return KwsError(self.lost(complaint) or f"{self.name}: {why}")


class Ssh(Remote):
    """host: as for ssh, perhaps with a user; it must know our key."""

    def __init__(self, host: str, **options):
        folder = "/tmp/kws-bench" if options.get("keep") else f"/tmp/kws-{secrets.token_hex(4)}"
        super().__init__(f"ssh:{host}", folder, **options)
        self._host = host

    def machine(self) -> str:
        require_program("ssh", "openssh-client")
        return self.call(self.client("uname -m")).strip()

    def client(self, script: str) -> list[str]:
        return ["ssh", *_SSH_OPTIONS, self._host, script]

    def copy(self, source: Path, name: str) -> list[str]:
        return ["scp", "-q", "-p", *_SSH_OPTIONS, str(source), f"{self._host}:{self.folder}/{name}"]

    def fetch(self, name: str, target: Path) -> list[str]:
        return ["scp", "-q", *_SSH_OPTIONS, f"{self._host}:{self.folder}/{name}", str(target)]

    def lost(self, complaint: str) -> str | None:
        if any(sign in complaint for sign in _SSH_LOST):
            return f"{self.name} cannot be reached: {last_line(complaint)}"
        return None

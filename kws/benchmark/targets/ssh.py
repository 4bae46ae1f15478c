"""A machine with Linux, a Raspberry Pi for example, by ssh."""

import secrets
from pathlib import Path

from kws.benchmark.building import require_program
from kws.benchmark.targets.remote import Remote

# Nobody is there to be asked for a password.
_OPTIONS = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=10"]


class Ssh(Remote):
    """host: as ssh takes it, with a user if need be; its key must be known."""

    def __init__(self, host: str, **options):
        folder = "/tmp/kws-bench" if options.get("keep") else f"/tmp/kws-{secrets.token_hex(4)}"
        super().__init__(f"ssh:{host}", folder, **options)
        self._host = host

    def machine(self) -> str:
        require_program("ssh", "openssh-client")
        return self.call(self.client("uname -m")).strip()

    def client(self, script: str) -> list[str]:
        return ["ssh", *_OPTIONS, self._host, script]

    def copy(self, source: Path, name: str) -> list[str]:
        return ["scp", "-q", "-p", *_OPTIONS, str(source), f"{self._host}:{self.folder}/{name}"]

    def fetch(self, name: str, target: Path) -> list[str]:
        return ["scp", "-q", *_OPTIONS, f"{self._host}:{self.folder}/{name}", str(target)]

    def lost(self, complaint: str) -> str | None:
        if any(
            sign in complaint for sign in ("closed", "timed out", "refused", "resolve", "denied")
        ):
            last = complaint.strip().rpartition("\n")[2]
            return f"{self.name} cannot be reached: {last}"
        return None

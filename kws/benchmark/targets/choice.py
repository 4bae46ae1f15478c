"""A target by its name on the command line."""

from pathlib import Path

from kws.benchmark.targets.adb import Adb
from kws.benchmark.targets.host import Host
from kws.benchmark.targets.qemu import PROCESSORS, Qemu
from kws.benchmark.targets.remote import Ssh
from kws.benchmark.targets.timed import Timed
from kws.utils.errors import KwsError

NAMES = "host, cortex-a53, cortex-a76, ssh:HOST, adb or adb:SERIAL"


def choose(
    name: str,
    *,
    threads: int = 1,
    cpu: int | None = None,
    tflite: Path | None = None,
    keep: bool = False,
) -> Timed | Qemu:
    """The target of that name, to be entered before it measures.

    threads: of the interpreter. cpu: the core to stay on. tflite: TFLite's C library for the
    target. keep: leave the files that were sent on the target. Raises KwsError for an unknown
    name, or for an option that the target does not have.
    """
    kind, _, which = name.partition(":")
    if name in PROCESSORS:
        if threads != 1 or cpu is not None:
            raise KwsError(f"{name} is counted on one thread; leave --threads and --cpu out", 2)
        return Qemu(name, tflite)
    options = {"threads": threads, "cpu": cpu, "tflite": tflite}
    if name == "host":
        return Host(**options)
    if kind == "adb":
        return Adb(which or None, keep=keep, **options)
    if kind == "ssh" and which and not which.startswith("-"):
        return Ssh(which, keep=keep, **options)
    raise KwsError(f"no target {name!r}; there are {NAMES}", 2)

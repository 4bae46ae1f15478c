"""What test_adb.py runs in a network and with a /data of its own: a phone's life with adb.

    unshare --net --mount python -m tests.benchmark.adbd_session ADBD_ROOT MODEL

Prints what happened as JSON.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from kws.benchmark.model_files import kws_model
from kws.benchmark.targets.adb import FOLDER, Adb
from kws.utils.errors import KwsError
from tests.benchmark import adbd

SERIAL = "127.0.0.1:5555"
WHERE = Path(FOLDER)
QUICK = ["--no-audio", "--repeats", "50"]
LONG = ["--no-audio", "--repeats", "1000000"]


def main(root: Path, model: Path) -> dict:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    phone("64m")
    os.environ["ADB_VENDOR_KEYS"] = str(WHERE.parent)
    happened = {"none": refusal(Adb())}
    daemon = adbd.start(root)
    try:
        connect()
        return happened | session(model, daemon)
    finally:
        daemon.kill()
        subprocess.run(["adb", "kill-server"], capture_output=True)


def session(model: Path, daemon: subprocess.Popen) -> dict:
    happened = {"several": refusal(Adb()), "unknown": refusal(Adb("no-such-phone"))}
    with Adb(SERIAL) as target:
        happened["name"], happened["sent"] = target.name, list(target.sent)
        happened["report"] = target.run(model, QUICK)
        target.sent.clear()
        target.run(model, QUICK)
        happened["sent_again"] = list(target.sent)
        happened["rows"] = target.measure([kws_model(model)], 2)
        happened["conditions"] = target.conditions()
        happened["held"] = WHERE.is_dir()
    happened["left"] = left()

    with Adb(SERIAL, keep=True) as target:
        target.run(model, QUICK)
    with Adb(SERIAL, keep=True) as target:
        target.run(model, QUICK)
        happened["sent_to_kept"] = list(target.sent)
    subprocess.run(["rm", "-rf", WHERE], check=True)

    damaged = model.with_name("damaged.tflite")
    damaged.write_bytes(model.read_bytes()[:-1])
    happened["damaged"] = refusal(Adb(SERIAL), damaged)
    happened["left_by_damaged"] = left()

    phone("4m")
    happened["full"] = refusal(Adb(SERIAL), model)
    happened["left_by_full"] = left()
    phone("64m")

    happened["unplugged"] = refusal(Adb(SERIAL), model, LONG, disconnect)
    happened["left_by_unplugged"] = left()
    connect()

    happened["died"] = refusal(Adb(SERIAL), model, LONG, daemon.kill)
    happened["left_by_died"] = left()
    return happened


def phone(size: str) -> None:
    """An empty /data/local/tmp with so much room."""
    subprocess.run(["umount", "/data"], capture_output=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "phone", "/data"], check=True)
    WHERE.parent.mkdir(parents=True)


def connect() -> None:
    for _ in range(50):
        # Under two names, as if it were two.
        for serial in (SERIAL, "localhost:5555"):
            subprocess.run(["adb", "connect", serial], capture_output=True)
        state = subprocess.run(["adb", "-s", SERIAL, "get-state"], capture_output=True, text=True)
        if state.stdout.strip() == "device":
            return
        time.sleep(0.2)
    raise SystemExit("the daemon does not answer")


def disconnect() -> None:
    subprocess.run(["adb", "disconnect"], capture_output=True)


def refusal(
    target: Adb, model: Path | None = None, arguments: list[str] = QUICK, meanwhile=None
) -> str | None:
    """What a target says that must not work; meanwhile: what happens two seconds into it."""
    try:
        with target:
            if meanwhile:
                threading.Timer(2, meanwhile).start()
            if model:
                target.run(model, arguments)
    except KwsError as error:
        return str(error)
    return None


def left() -> bool:
    """Whether our folder or a runner is there, a moment after they should be gone."""
    for _ in range(50):
        search = ["pgrep", "-f", "--", f"kws_runner.*{LONG[-1]}"]
        running = subprocess.run(search, capture_output=True).stdout
        if not WHERE.exists() and not running:
            return False
        time.sleep(0.1)
    return True


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):
        found = main(Path(sys.argv[1]), Path(sys.argv[2]))
    print(json.dumps(found))

"""An Android device, by the Android Debug Bridge's own client."""

import subprocess
from pathlib import Path

from kws.benchmark.targets.host import last_line
from kws.benchmark.targets.remote import Remote
from kws.benchmark.toolchain import require_program
from kws.utils.errors import KwsError

# Where a phone lets the shell of adb run programs.
FOLDER = "/data/local/tmp/kws-bench"

_MACHINES = {"arm64-v8a": "aarch64", "x86_64": "x86_64"}

_STATES = {
    "unauthorized": "has not allowed this computer yet; unlock it and accept the key it shows",
    "authorizing": "is being asked to allow this computer; unlock it and accept",
    "offline": "is offline; plug it in again, or run: adb reconnect offline",
    "no permissions": "may not be used by this user; it takes a udev rule, or root",
    "recovery": "is in recovery; start it up",
    "sideload": "is in sideload; start it up",
    "bootloader": "is in its bootloader; start it up",
}

_LOST = ("not found", "no devices", "offline", "closed", "protocol fault", "connect", "EOF")


class Adb(Remote):
    """serial: as ``adb devices`` lists it; None if there is only one device."""

    def __init__(self, serial: str | None = None, **options):
        super().__init__(f"adb:{serial}" if serial else "adb", FOLDER, **options)
        self._serial = serial

    def machine(self) -> str:
        require_program("adb", "adb")
        self._serial = choose_device(devices(), self._serial)
        self.name = f"adb:{self._serial}"
        # Debian's daemon for other systems than Android has no getprop.
        abis = self.shell("getprop ro.product.cpu.abilist64 2>/dev/null || uname -m").strip()
        for abi in abis.split(","):
            if abi in _MACHINES or abi in _MACHINES.values():
                return _MACHINES.get(abi, abi)
        return abis

    def client(self, script: str) -> list[str]:
        return ["adb", "-s", self._serial, "shell", script]

    def copy(self, source: Path, name: str) -> list[str]:
        return ["adb", "-s", self._serial, "push", str(source), f"{FOLDER}/{name}"]

    def fetch(self, name: str, target: Path) -> list[str]:
        return ["adb", "-s", self._serial, "pull", f"{FOLDER}/{name}", str(target)]

    def conditions(self) -> dict:
        """Also the device, its Android, and its own thermal status."""
        properties = ("ro.product.model", "ro.soc.model", "ro.build.version.release")
        values = self.shell("; ".join(f"getprop {name}" for name in properties)).splitlines()
        named = dict(zip(("device", "soc", "android"), values, strict=False))
        thermal = self.shell("dumpsys thermalservice 2>/dev/null | grep 'Thermal Status'").strip()
        status = {"thermal_status": thermal.rpartition(" ")[2]} if thermal else {}
        known = {name: value for name, value in named.items() if value}
        return known | status | super().conditions()

    def lost(self, complaint: str) -> str | None:
        errors = [line for line in complaint.splitlines() if line.startswith(("adb:", "error:"))]
        if devices().get(self._serial) == "device" and not any(
            sign in line for line in errors for sign in _LOST
        ):
            return None
        return f"{self.name} went away; what was put there removes itself. Connect it and run again"


def devices() -> dict[str, str]:
    """State of each device by its serial. Raises KwsError if adb's server does not run."""
    run = subprocess.run(["adb", "devices"], capture_output=True, text=True)
    if run.returncode != 0:
        raise KwsError(f"adb does not run: {last_line(run.stderr)}")
    lines = [line.split("\t", 1) for line in run.stdout.splitlines() if "\t" in line]
    return {serial: state.strip() for serial, state in lines}


def choose_device(known: dict[str, str], serial: str | None) -> str:
    """The device to use. Raises KwsError, which says what to do, if none can be used."""
    there = ", ".join(sorted(known))
    if not known:
        advice = "connect one with USB debugging on, or: adb connect HOST"
        raise KwsError(f"adb sees no device; {advice}")
    if serial is None and len(known) > 1:
        raise KwsError(f"adb sees several devices ({there}); say which: --target adb:SERIAL", 2)
    if serial is None:
        (serial,) = known
    if serial not in known:
        raise KwsError(f"adb does not see {serial}, only {there}", 2)
    state = known[serial]
    if state == "device":
        return serial
    for sign, advice in _STATES.items():
        if state.startswith(sign):
            raise KwsError(f"{serial} {advice}")
    raise KwsError(f"{serial} cannot be used: adb says {state}")

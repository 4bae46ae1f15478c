"""Where models are measured: this machine, one reached by ssh, a phone by adb, ARM under QEMU."""

from kws.benchmark.targets.choice import NAMES, choose

__all__ = ["NAMES", "choose"]

"""Name the signals that a container may be stopped with, as the API spells them, and number them as Linux does."""

from __future__ import annotations

import signal
from typing import Final

PLAIN: Final = (
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL", "PIPE", "POLL",
    "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN", "TTOU", "URG", "USR1",
    "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ")
LINUX: Final = {
    **{f"SIG{name}": int(signal.Signals[f"SIG{name}"]) for name in PLAIN},
    "SIGRTMIN": int(signal.SIGRTMIN), **{f"SIGRTMIN+{step}": signal.SIGRTMIN + step for step in range(1, 16)},
    "SIGRTMAX": int(signal.SIGRTMAX), **{f"SIGRTMAX-{step}": signal.SIGRTMAX - step for step in range(1, 15)},
}                                          # Source: kube core/v1 types.go, Signal
WINDOWS: Final = ("SIGKILL", "SIGTERM")    # Source: kube validation.go, supportedStopSignalsWindows

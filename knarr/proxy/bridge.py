"""Set the kernel's switches for the pods' bridge. They lie in /proc/sys; nothing else is touched.

A reply from one pod to another on the same bridge must pass netfilter, or its address is never turned back; that takes
`br_netfilter`. Where a kernel lacks it, the table masquerades such connections instead (render.Names.bridge_hides).
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import structlog

SYSCTL = Path("/proc/sys/net")
CALL_IPTABLES = SYSCTL / "bridge" / "bridge-nf-call-iptables"
MODULE = "br_netfilter"
ABSENT = "absent"       # noted where the switch was not there: the module was not loaded
ANSWER_S = 10.0

log = structlog.get_logger()


def filtered() -> bool:
    """Let bridged packets pass netfilter; tell whether they do."""
    return switch_on(CALL_IPTABLES)


def remember(note: Path) -> None:
    """Note how the machine's switch stood before any Knarr touched it. An older note stays; "1" needs none.

    The switch is the machine's, not an instance's: all instances share one note, below /run, which a reboot clears as
    it does the switch.
    """
    if note.exists():
        return
    was = CALL_IPTABLES.read_text().strip() if CALL_IPTABLES.exists() else ABSENT
    if was == "1":
        return
    try:
        note.write_text(f"{was}\n")
    except OSError as error:
        log.warning("proxy.not_noted", note=str(note), error=str(error))


def put_back(note: Path) -> None:
    """Set the switch as it was noted; without a note it was not ours to touch. Call it when the last Knarr goes."""
    if not note.exists():
        return
    was = note.read_text().strip()
    if was == ABSENT:
        unload(MODULE)
    elif CALL_IPTABLES.exists():
        CALL_IPTABLES.write_text(was)
    note.unlink()


def unload(module: str) -> None:
    """Unload a kernel module, unless somebody else has come to use it or there is no modprobe."""
    try:
        subprocess.run(["modprobe", "--remove", "--quiet", module], check=False, capture_output=True, timeout=ANSWER_S)
    except FileNotFoundError:
        log.info("proxy.not_unloaded", module=module)


def open_loopback(bridge: str) -> None:
    """Let 127.0.0.1 reach node ports: the kernel else drops loopback addresses that leave by the pods' bridge.

    The table drops what comes from outside to 127.0.0.0/8, so nobody else gains by it. bridge: may not be there yet.
    """
    switch_on(SYSCTL / "ipv4" / "conf" / bridge / "route_localnet")


def switch_on(switch: Path) -> bool:
    """Set it to 1 unless it is; tell whether it is now. It may be missing or read-only."""
    try:
        if switch.read_text().strip() != "1":
            switch.write_text("1")
            log.info("proxy.switched_on", switch=str(switch))
    except FileNotFoundError:
        return False
    except OSError as error:
        log.warning("proxy.not_switched_on", switch=str(switch), error=str(error))
        return False
    return True

"""Set the kernel's switches for the pods' bridge. They lie in /proc/sys; nothing else is touched.

A reply from one pod to another on the same bridge must pass netfilter, or its address is never turned back; that takes
`br_netfilter`. Where a kernel lacks it, the table masquerades such connections instead (render.Names.bridge_hides).
"""

from __future__ import annotations

from pathlib import Path

import structlog

SYSCTL = Path("/proc/sys/net")
CALL_IPTABLES = SYSCTL / "bridge" / "bridge-nf-call-iptables"

log = structlog.get_logger()


def filtered() -> bool:
    """Let bridged packets pass netfilter; tell whether they do."""
    return switch_on(CALL_IPTABLES)


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

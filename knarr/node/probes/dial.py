"""Say in Go's words why a connection could not be made: that is what users know from kubelet's events."""

from __future__ import annotations

import errno
from typing import Final

_WORDS: Final = {
    errno.ECONNREFUSED: "connect: connection refused",
    errno.EHOSTUNREACH: "connect: no route to host",
    errno.ENETUNREACH: "connect: network is unreachable",
    errno.ECONNRESET: "read: connection reset by peer",
    errno.ETIMEDOUT: "connect: connection timed out",
    errno.EADDRNOTAVAIL: "connect: cannot assign requested address",
    errno.EMFILE: "socket: too many open files",
}
_NOT_THE_CONTAINERS: Final = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS)


def join(host: str, port: int) -> str:
    """Return host:port, brackets around IPv6."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def told(error: OSError, host: str, port: int) -> str:
    """Return `dial tcp 10.0.0.1:80: connect: connection refused`."""
    if error.errno is not None and error.errno in _WORDS:
        words = _WORDS[error.errno]
    else:
        words = (error.strerror or str(error)).lower()
    return f"dial tcp {join(host, port)}: {words}"


def is_ours(error: OSError) -> bool:
    """Tell whether this machine, not the container, is at fault: such an outcome must not count."""
    return error.errno in _NOT_THE_CONTAINERS

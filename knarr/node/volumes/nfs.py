"""Mount directories that other machines export by NFS 4, asking the kernel itself: no helper program is needed.

The kernel wants the server's address and the protocol's version as options; what `mountOptions` says comes after them.
Older versions of NFS take helpers (a lock daemon, a port mapper) and are refused by what the kernel answers.
Source: nfs(5); kube pkg/volume/nfs/nfs.go.
"""

from __future__ import annotations

import errno
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from knarr.node.volumes import mounts
from knarr.node.volumes.payload import ContentError

VERSIONS: Final = ("4.2", "4.1", "4.0")
_OLDER: Final = frozenset({errno.EPROTONOSUPPORT, errno.EINVAL, errno.EOPNOTSUPP})      # says a server or a kernel


@dataclass(frozen=True, slots=True)
class Export:
    """What a server exports, and how it is to be mounted."""

    server: str
    path: str
    read_only: bool
    options: tuple[str, ...] = ()


def mount(export: Export, where: Path) -> None:
    """Mount an export at a directory, made where it is missing; once. Raises ContentError with what to do."""
    where.mkdir(parents=True, exist_ok=True, mode=0o750)
    if mounts.below(where):
        return
    source, address = f"{export.server}:{export.path}", _address(export.server)
    asked = any(one.split("=")[0] in ("vers", "nfsvers") for one in export.options)
    fault = OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    for version in ("",) if asked else VERSIONS:
        options = [f"addr={address}", *([f"vers={version}"] if version else []), *export.options]
        try:
            mounts.network(source, where, kind="nfs4", options=",".join(options), read_only=export.read_only)
            return
        except OSError as error:
            fault = error
            if error.errno not in _OLDER:
                break
    if fault.errno == errno.ENODEV:
        raise ContentError(f"mount of {source} failed: this machine's kernel has no NFS client (modprobe nfsv4)")
    raise ContentError(f"mount of {source} by NFS 4 failed: {fault.strerror}") from fault


def _address(server: str) -> str:
    try:
        return str(socket.getaddrinfo(server, None, type=socket.SOCK_STREAM)[0][4][0])
    except OSError as error:
        raise ContentError(f"the NFS server {server} has no address: {error}") from error

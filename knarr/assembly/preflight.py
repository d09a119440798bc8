"""Look before starting: is everything here that a node needs? Each fault names its fix."""

from __future__ import annotations

import errno
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

from knarr.assembly.failure import Failure
from knarr.assembly.instance import Instance

CNI_FOLDERS = (Path("/usr/lib/cni"), Path("/opt/cni/bin"), Path("/usr/libexec/cni"))
CNI_PLUGINS = ("portmap",)
PROGRAMS = {"containerd": "containerd", "ctr": "containerd", "runc": "runc", "nft": "nftables", "ip": "iproute2",
            "nsenter": "util-linux"}


def check(instance: Instance) -> None:
    """Raise the first Failure that stands in the way of a start."""
    if os.geteuid() != 0:
        raise Failure("a node needs root: it makes containers, interfaces and network rules", "sudo knarr up")
    missing = list(missing_packages(instance))
    if missing:
        raise Failure(
            f"missing on this machine: {', '.join(missing)}",
            "knarr up --install, or: apt-get install " + " ".join(missing),
        )
    check_writable(instance.data_dir)


def missing_packages(instance: Instance) -> Iterator[str]:
    """Name the Debian packages that are not here."""
    wanted = dict(PROGRAMS)
    if instance.config.runtime_endpoint:
        wanted = {"nft": "nftables"}
    yield from dict.fromkeys(package for program, package in wanted.items() if find(program) is None)
    if cni_folder() is None:
        yield "containernetworking-plugins"
    if find("busybox") is None and not instance.config.runtime_endpoint:
        yield "busybox-static"


def find(program: str) -> str | None:
    """Find a program, also where a user's PATH does not look."""
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin")


def cni_folder() -> Path | None:
    """Return the folder that holds the CNI reference plugins."""
    return next((f for f in CNI_FOLDERS if all((f / plugin).exists() for plugin in CNI_PLUGINS)), None)


def check_writable(folder: Path) -> None:
    """Refuse a data directory on a read-only or full disk before anything else is tried. Leaves nothing behind."""
    place = next(one for one in (folder, *folder.parents) if one.exists())
    probe = place / f".knarr-probe-{os.getpid()}"
    try:
        try:
            probe.write_bytes(b"x" * 4096)
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        fix = "free some space" if error.errno == errno.ENOSPC else "choose another place with --data-dir"
        raise Failure(f"cannot write to {folder}: {error.strerror}", fix) from error


def check_port(port: int, option: str = "--port") -> None:
    """Refuse a port that someone else listens on. option: by which another is chosen."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
        except OSError as error:
            raise Failure(
                f"port {port} is in use: {error.strerror}",
                f"choose another: knarr up {option} {port + 1}; who has it: ss -ltnp 'sport = :{port}'",
            ) from error

"""Check, or make, what a hostPath volume says is there. Source: kube pkg/volume/hostpath/host_path.go."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final


class HostPathError(Exception):
    """The path is not of the type asked for; the text is kubelet's."""


def prepare(path: str, kind: str) -> None:
    """Make sure that `path` is what `kind` (`HostPathVolumeSource.type`) says; the …OrCreate kinds make it."""
    if not kind:
        return
    if kind == "DirectoryOrCreate" and not os.path.lexists(path):
        _made_directory(path)
    elif kind == "FileOrCreate" and not os.path.lexists(path):
        _made_file(path)
    test, words = _KINDS.get(kind, (None, ""))
    if test is None:
        raise HostPathError(f"hostPath type check failed: {kind} is an invalid volume type")
    try:
        mode = os.stat(path).st_mode
    except OSError:
        mode = 0
    if not test(mode):
        raise HostPathError(f"hostPath type check failed: {path} is not {words}")


def _made_directory(path: str) -> None:
    os.makedirs(path, mode=0o755, exist_ok=True)


def _made_file(path: str) -> None:
    try:
        Path(path).touch(mode=0o644)
    except FileNotFoundError as error:
        raise HostPathError(f"hostPath type check failed: {path} is not a file") from error


_KINDS: Final[dict[str, tuple[Callable[[int], bool], str]]] = {
    "DirectoryOrCreate": (stat.S_ISDIR, "a directory"),
    "Directory": (stat.S_ISDIR, "a directory"),
    "FileOrCreate": (stat.S_ISREG, "a file"),
    "File": (stat.S_ISREG, "a file"),
    "Socket": (stat.S_ISSOCK, "a socket file"),
    "CharDevice": (stat.S_ISCHR, "a character device"),
    "BlockDevice": (stat.S_ISBLK, "a block device"),
}

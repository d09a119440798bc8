"""Mount and unmount: the only module here that changes the machine's mount table.

Three libc calls through ctypes; no program is started for them. Source: mount(2), umount2(2), proc(5) mountinfo.
"""

from __future__ import annotations

import ctypes
import os
import re
from pathlib import Path
from typing import Final

from knarr.node.faces import Layers

_READ_ONLY: Final = 0x1
_NO_SUID: Final = 0x2
_NO_DEV: Final = 0x4
_NO_EXEC: Final = 0x8
_REMOUNT: Final = 0x20
_BIND: Final = 0x1000
_REC: Final = 0x4000
_DETACH: Final = 0x2
_NOFOLLOW: Final = 0x8
_FLAG_WORDS: Final = frozenset({"ro", "rw", "bind", "rbind"})      # of a runtime's options; the rest is the kernel's
_libc = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p)
_libc.umount2.argtypes = (ctypes.c_char_p, ctypes.c_int)


def tmpfs(where: Path, *, size_bytes: int = 0, mode: int = 0o777) -> None:
    """Mount memory at a directory. size_bytes: 0 leaves the kernel's default, half the machine's."""
    options = f"mode={mode:o}" + (f",size={size_bytes}" if size_bytes else "")
    _mount("tmpfs", where, kind="tmpfs", flags=0, options=options)


def hugetlbfs(where: Path, *, page_bytes: int) -> None:
    """Mount huge pages of one size at a directory. How many it may take is the control group's business."""
    _mount("nodev", where, kind="hugetlbfs", flags=0, options=f"pagesize={page_bytes >> 10}K")


def bind(source: str, where: Path) -> None:
    """Let `where` show what `source` (a path, or /proc/self/fd/N) shows."""
    _mount(source, where, kind="", flags=_BIND | _REC, options="")


def image(layers: Layers, where: Path) -> None:
    """Show an image's files; nothing of it can be written nor run."""
    is_bind = layers.kind == "bind"
    data = ",".join(word for word in layers.options if word not in _FLAG_WORDS)
    _mount(layers.source, where, kind="" if is_bind else layers.kind, flags=_BIND | _REC if is_bind else _READ_ONLY,
           options=data)
    _mount("", where, kind="", flags=_REMOUNT | _BIND | _READ_ONLY | _NO_EXEC | _NO_SUID | _NO_DEV, options="")


def network(source: str, where: Path, *, kind: str, options: str, read_only: bool) -> None:
    """Mount another machine's directory. options: the kernel's, joined by commas. May take as long as its timeouts."""
    _mount(source, where, kind=kind, flags=_READ_ONLY if read_only else 0, options=options)


def unmount(where: Path) -> None:
    """Take away the topmost mount at a path; at once for new users, for present ones when they close."""
    result = _libc.umount2(os.fsencode(where), _DETACH | _NOFOLLOW)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"umount: {os.strerror(number)}", str(where))


def below(directory: Path) -> list[Path]:
    """Return the mount points at and below a directory, innermost and newest first."""
    prefix = str(directory)
    said = " " + _escaped(prefix)       # a node has hundreds of mounts; few lines need to be taken apart
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
        points = [_unescaped(line.split(" ", 5)[4]) for line in lines if said in line]
    found = [point for point in points if point == prefix or point.startswith(prefix + "/")]
    return [Path(point) for point in sorted(reversed(found), key=len, reverse=True)]


def unmount_below(directory: Path) -> None:
    """Take away every mount at and below a directory, which need not exist. Raises OSError if one stays."""
    found = below(directory) if directory.exists() else []
    for point in found:
        unmount(point)
    left = below(directory) if found else []
    if left:
        raise OSError(f"still mounted: {left[0]}")


def is_mounted(where: Path) -> bool:
    """Tell whether something is mounted exactly there, by comparing devices with the parent: no table is read.

    A bind of the same device is not seen; tmpfs always is.
    """
    try:
        return os.stat(where).st_dev != os.stat(where.parent).st_dev
    except FileNotFoundError:
        return False


def _mount(source: str, where: Path, *, kind: str, flags: int, options: str) -> None:
    result = _libc.mount(source.encode(), os.fsencode(where), kind.encode(), flags, options.encode())
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"mount {source}: {os.strerror(number)}", str(where))


def _escaped(path: str) -> str:
    """Write a path as mountinfo does. Source: linux fs/proc_namespace.c, show_mountinfo."""
    return re.sub(r"[ \t\n\\]", lambda match: f"\\{ord(match[0]):03o}", path)


def _unescaped(field: str) -> str:
    r"""Undo mountinfo's octal escapes: `\040` is a space."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)

"""Give a volume to fsGroup. Source: kube pkg/volume/volume_linux.go."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

_FILE_BITS: Final = 0o660
_DIRECTORY_BITS: Final = 0o2770       # new files belong to the group too


def give(root: Path, group: int, *, only_if_root_differs: bool = False) -> None:
    """Let `group` own, read and write everything below root; symlinks are left alone.

    only_if_root_differs: `OnRootMismatch`: a root that is right already is taken as a sign that all below is.
    """
    if only_if_root_differs and _is_given(root, group):
        return
    for directory, names, files in os.walk(root, topdown=False):
        for name in files:
            _give_one(Path(directory, name), group)
        for name in names:
            if Path(directory, name).is_symlink():
                continue
            _give_one(Path(directory, name), group)
    _give_one(root, group)                # last: its right state says that all below is done


def _is_given(root: Path, group: int) -> bool:
    there = root.stat()
    return there.st_gid == group and there.st_mode & _DIRECTORY_BITS == _DIRECTORY_BITS


def _give_one(path: Path, group: int) -> None:
    there = path.lstat()
    if stat.S_ISLNK(there.st_mode):
        return
    bits = _DIRECTORY_BITS if stat.S_ISDIR(there.st_mode) else _FILE_BITS
    os.chown(path, -1, group, follow_symlinks=False)
    os.chmod(path, stat.S_IMODE(there.st_mode) | bits)

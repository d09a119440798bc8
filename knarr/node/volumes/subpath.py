"""Mount part of a volume, so that no symlink a container plants can lead out of it.

The path is resolved within the volume, then opened component by component without following links; what is bound for
the container is that open file, not a path that could change meanwhile. Source: kube pkg/volume/util/subpath.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import ExitStack
from pathlib import Path, PurePosixPath

from knarr.node.volumes import mounts


class SubPathError(Exception):
    """The path leaves its volume or cannot be made."""


def bind(volume: Path, sub_path: str, where: Path) -> None:
    """Bind `volume/sub_path` at `where`, making a missing directory. A former bind there is replaced."""
    inside = check(sub_path)
    if os.path.lexists(where):
        _release(where)
    make_missing(volume, inside)
    handle = open_within(volume, inside)
    try:
        where.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            where.mkdir()
        else:
            where.touch()
        mounts.bind(f"/proc/self/fd/{handle}", where)
    finally:
        os.close(handle)


def check(sub_path: str) -> PurePosixPath:
    """Refuse absolute paths and those that climb."""
    path = PurePosixPath(sub_path)
    if path.is_absolute() or ".." in path.parts:
        raise SubPathError(f"subPath must be relative and must not contain '..' (got {sub_path!r})")
    return path


def make_missing(volume: Path, inside: PurePosixPath) -> None:
    """Make the directories of a sub path that are not there, with the volume's own mode and owner."""
    if (volume / inside).exists():
        return
    like = volume.stat()
    with ExitStack() as stack:
        handle = _opened(stack, str(volume), None)
        for part in inside.parts:
            try:
                os.mkdir(part, dir_fd=handle)
                os.chown(part, like.st_uid, like.st_gid, dir_fd=handle, follow_symlinks=False)
                os.chmod(part, stat.S_IMODE(like.st_mode), dir_fd=handle)
            except FileExistsError:
                pass                     # the upper part of the path was there already
            handle = _opened(stack, part, handle)


def open_within(volume: Path, inside: PurePosixPath) -> int:
    """Return a handle (O_PATH) on the file or directory that the path means, links resolved within the volume."""
    root = volume.resolve(strict=True)
    real = (root / inside).resolve(strict=True)
    if real != root and root not in real.parents:
        raise SubPathError(f"subpath {str(inside)!r} not within volume path {str(volume)!r}")
    with ExitStack() as stack:
        handle = _opened(stack, str(root), None)
        for part in real.relative_to(root).parts:
            handle = _opened(stack, part, handle)
        return os.dup(handle)


def _opened(stack: ExitStack, part: str, at: int | None) -> int:
    try:
        handle = os.open(part, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
    except OSError as error:
        raise SubPathError(f"cannot open {part!r} safely: {error.strerror}") from error
    stack.callback(os.close, handle)
    if at is not None and stat.S_ISLNK(os.fstat(handle).st_mode):
        raise SubPathError(f"{part!r} became a symlink while it was opened ({errno.errorcode[errno.ELOOP]})")
    return handle


def _release(where: Path) -> None:
    """Take the old bind away; the container that still has it keeps it in its own namespace."""
    for point in mounts.below(where):
        mounts.unmount(point)
    if where.is_dir():
        where.rmdir()
    else:
        where.unlink()

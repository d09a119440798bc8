"""Replace a volume's files all at once: a reader sees the old set or the new one, never a mixture.

    volume/..2026_11_22_20_00_00.000000001/   the files
    volume/..data -> ..2026_11_22_…           renamed into place: this is the moment of change
    volume/name   -> ..data/name              what the container opens

Nothing is written where nothing changed. Source: kube pkg/volume/util/atomic_writer.go.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Final

from knarr.node.volumes.payload import File

DATA: Final = "..data"
_DATA_NEW: Final = "..data_tmp"


def write(volume: Path, files: Mapping[str, File], *, now_s: float, group: int | None = None) -> bool:
    """Make the volume hold exactly these files; tell whether anything changed.

    group: fsGroup: owns all and may read what the owner may. Raises ValueError for a path that leaves the volume.
    """
    for path in files:
        check_path(path)
    old = _current(volume)
    if old is not None and _same(volume / old, files, group):
        return False
    fresh = _new_directory(volume, now_s)
    _fill(volume / fresh, files, group)
    link = volume / _DATA_NEW
    link.unlink(missing_ok=True)
    link.symlink_to(fresh)
    link.rename(volume / DATA)
    _link_names(volume, {PurePosixPath(path).parts[0] for path in files})
    if old is not None:
        shutil.rmtree(volume / old, ignore_errors=True)     # left behind at worst: the next write removes nothing of it
    return True


def check_path(path: str) -> None:
    """Refuse a path that is absolute, climbs, or would collide with the writer's own names."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or parts[0].startswith(".."):
        raise ValueError(f"invalid path: must be relative, within the volume, not starting with '..' (got {path!r})")


def _current(volume: Path) -> str | None:
    try:
        return os.readlink(volume / DATA)
    except FileNotFoundError:
        return None


def _new_directory(volume: Path, now_s: float) -> str:
    """Make a directory named after the time, to the nanosecond as other readers of these names expect."""
    moment = datetime.fromtimestamp(now_s, UTC)
    number = moment.microsecond * 1000
    while True:
        name = f"..{moment:%Y_%m_%d_%H_%M_%S}.{number:09}"
        try:
            os.mkdir(volume / name)
        except FileExistsError:
            number += 1
            continue
        os.chmod(volume / name, 0o755)
        return name


def _fill(root: Path, files: Mapping[str, File], group: int | None) -> None:
    if group is not None:
        _give_directory(root, group)
    for path, file in files.items():
        _make_parents(root, PurePosixPath(path).parent, group)
        where = root / path
        handle = os.open(where, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(handle, "wb", closefd=False) as stream:
                stream.write(file.data)
            if file.uid is not None or group is not None:
                os.fchown(handle, -1 if file.uid is None else file.uid, -1 if group is None else group)
            os.fchmod(handle, wanted_mode(file, group))
        finally:
            os.close(handle)


def _make_parents(root: Path, parent: PurePosixPath, group: int | None) -> None:
    for depth in range(1, len(parent.parts) + 1):
        where = root.joinpath(*parent.parts[:depth])
        if where.is_dir():
            continue
        where.mkdir()
        os.chmod(where, 0o755)
        if group is not None:
            _give_directory(where, group)


def _give_directory(where: Path, group: int) -> None:
    os.chown(where, -1, group)
    os.chmod(where, 0o2775)


def wanted_mode(file: File, group: int | None) -> int:
    """Return the bits a file gets: with fsGroup the group may read. Source: kube volume_linux.go, roMask."""
    return file.mode | 0o440 if group is not None else file.mode


def _link_names(volume: Path, names: set[str]) -> None:
    """Let the visible names point into ..data, and drop those that are no more."""
    for entry in list(os.scandir(volume)):
        if entry.is_symlink() and not entry.name.startswith("..") and entry.name not in names:
            os.unlink(entry.path)
    for name in names:
        if not os.path.lexists(volume / name):
            os.symlink(f"{DATA}/{name}", volume / name)


def _same(root: Path, files: Mapping[str, File], group: int | None) -> bool:
    """Compare the files that lie there with those wanted: paths, bytes, modes."""
    there = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    if there.keys() != {PurePosixPath(path).as_posix() for path in files}:
        return False
    return all(_same_file(there[PurePosixPath(path).as_posix()], file, group) for path, file in files.items())


def _same_file(path: Path, file: File, group: int | None) -> bool:
    stat = path.stat()
    return (stat.st_mode & 0o7777 == wanted_mode(file, group) and stat.st_size == len(file.data)
            and path.read_bytes() == file.data)

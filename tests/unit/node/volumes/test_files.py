"""Files on disk: written all at once, checked, and never reached through a symlink."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from knarr.node.volumes import atomic, hostpath, ownership, subpath
from knarr.node.volumes.hostpath import HostPathError
from knarr.node.volumes.payload import File
from knarr.node.volumes.subpath import SubPathError

NOW_S = 1_767_312_000.25


def tree(volume: Path) -> dict[str, bytes]:
    """Return what a container sees, hidden names left out."""
    return {path.relative_to(volume).as_posix(): path.read_bytes() for path in sorted(volume.rglob("*"))
            if path.is_file() and not path.relative_to(volume).as_posix().startswith("..")} | {
        f"{link.name}/{path.relative_to(link.resolve()).as_posix()}": path.read_bytes()
        for link in volume.iterdir() if link.is_symlink() and link.is_dir() and not link.name.startswith("..")
        for path in link.resolve().rglob("*") if path.is_file()}


def test_replaced_all_at_once(tmp_path: Path) -> None:
    """A volume gets files, then others: the visible names follow ..data, the old set is gone."""
    assert atomic.write(tmp_path, {"a": File(b"1"), "d/e": File(b"2", 0o400)}, now_s=NOW_S)
    first = os.readlink(tmp_path / "..data")
    assert {"a": b"1", "d/e": b"2"} == tree(tmp_path)
    assert 0o400 == stat.S_IMODE((tmp_path / "d/e").stat().st_mode)

    assert atomic.write(tmp_path, {"a": File(b"3"), "f": File(b"4")}, now_s=NOW_S)
    assert {"a": b"3", "f": b"4"} == tree(tmp_path)
    assert first.startswith("..2026_01_02_00_00_00.25")
    assert not (tmp_path / first).exists()
    assert {"..data", "a", "f", os.readlink(tmp_path / "..data")} == set(os.listdir(tmp_path))


@pytest.mark.parametrize(("files", "changed"), [
    pytest.param({"a": File(b"1")}, False, id="the same"),
    pytest.param({"a": File(b"2")}, True, id="other bytes"),
    pytest.param({"a": File(b"1", 0o600)}, True, id="another mode"),
    pytest.param({}, True, id="none"),
])
def test_written_only_where_something_changed(tmp_path: Path, files: dict[str, File], changed: bool) -> None:
    """Watchers in containers must not wake for nothing."""
    atomic.write(tmp_path, {"a": File(b"1")}, now_s=NOW_S)

    assert changed == atomic.write(tmp_path, files, now_s=NOW_S + 1)


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "..data", "..x/y", ""])
def test_paths_that_leave_are_refused(tmp_path: Path, path: str) -> None:
    """A hostile key writes nothing."""
    with pytest.raises(ValueError, match="invalid path"):
        atomic.write(tmp_path, {path: File(b"")}, now_s=NOW_S)

    assert [] == os.listdir(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files away")
def test_group_owns_and_reads(tmp_path: Path) -> None:
    """fsGroup: the group may read what the owner may, and the token's user owns it."""
    atomic.write(tmp_path, {"d/t": File(b"1", 0o600, 7)}, now_s=NOW_S, group=8)
    there = (tmp_path / "d/t").stat()

    assert (7, 8, 0o640) == (there.st_uid, there.st_gid, stat.S_IMODE(there.st_mode))
    assert 0o2775 == stat.S_IMODE((tmp_path / "d").resolve().stat().st_mode)
    assert not atomic.write(tmp_path, {"d/t": File(b"1", 0o600, 7)}, now_s=NOW_S, group=8)


@pytest.mark.parametrize(("name", "kind", "message"), [
    pytest.param("dir", "Directory", "", id="directory"),
    pytest.param("file", "File", "", id="file"),
    pytest.param("new/deep", "DirectoryOrCreate", "", id="made directory"),
    pytest.param("made", "FileOrCreate", "", id="made file"),
    pytest.param("anything", "", "", id="unchecked"),
    pytest.param("file", "Directory", "is not a directory", id="not a directory"),
    pytest.param("file", "DirectoryOrCreate", "is not a directory", id="in the way"),
    pytest.param("dir", "File", "is not a file", id="not a file"),
    pytest.param("none", "Directory", "is not a directory", id="nothing there"),
    pytest.param("no/file", "FileOrCreate", "is not a file", id="no folder for the file"),
    pytest.param("file", "Socket", "is not a socket file", id="not a socket"),
    pytest.param("file", "CharDevice", "is not a character device", id="not a device"),
    pytest.param("file", "BlockDevice", "is not a block device", id="not a disk"),
    pytest.param("file", "Spoon", "Spoon is an invalid volume type", id="no such type"),
])
def test_host_path_types(tmp_path: Path, name: str, kind: str, message: str) -> None:
    """What a hostPath says must be there is there, or made, or refused in kubelet's words."""
    (tmp_path / "dir").mkdir()
    (tmp_path / "file").touch()
    try:
        hostpath.prepare(str(tmp_path / name), kind)
    except HostPathError as error:
        said = str(error)
    else:
        said = ""

    assert said.endswith(message)
    assert bool(message) == bool(said)
    assert not said or said.startswith("hostPath type check failed: ")


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files away")
def test_ownership_is_given_and_symlinks_are_not_followed(tmp_path: Path) -> None:
    """A volume that a container has planted a link in is given to a group."""
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "d").mkdir(parents=True)
    (root / "d/f").touch(mode=0o600)
    outside.touch(mode=0o600)
    (root / "link").symlink_to(outside)
    ownership.give(root, 77)

    assert [77, 77, 77] == [path.stat().st_gid for path in (root, root / "d", root / "d/f")]
    assert 0o660 == stat.S_IMODE((root / "d/f").stat().st_mode)
    assert 0o2000 == (root / "d").stat().st_mode & 0o2000
    assert 77 != outside.stat().st_gid
    (root / "d/f").chmod(0o600)
    ownership.give(root, 77, only_if_root_differs=True)
    assert 0o600 == stat.S_IMODE((root / "d/f").stat().st_mode)


@pytest.mark.parametrize("sub_path", ["/etc", "../x", "a/../../x"])
def test_sub_paths_that_climb_are_refused(sub_path: str) -> None:
    """Before anything is opened."""
    with pytest.raises(SubPathError, match="must be relative"):
        subpath.check(sub_path)


def test_sub_path_through_a_planted_link_is_refused(tmp_path: Path) -> None:
    """A container has replaced a directory by a link to the machine's /etc."""
    volume = tmp_path / "v"
    volume.mkdir()
    (volume / "evil").symlink_to("/etc")
    (volume / "good").symlink_to("real")
    (volume / "real").mkdir()

    with pytest.raises(SubPathError, match="not within volume path"):
        subpath.open_within(volume, subpath.check("evil/passwd"))
    with pytest.raises(SubPathError, match="cannot open|symlink"):
        subpath.make_missing(volume, subpath.check("evil/new"))
    assert not Path("/etc/new").exists()
    handle = subpath.open_within(volume, subpath.check("good"))
    assert os.fstat(handle).st_ino == (volume / "real").stat().st_ino
    os.close(handle)


def test_missing_sub_path_is_made_like_the_volume(tmp_path: Path) -> None:
    """Directories on the way get the volume's mode."""
    tmp_path.chmod(0o777)
    subpath.make_missing(tmp_path, subpath.check("a/b"))

    assert [0o777, 0o777] == [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a", "a/b")]

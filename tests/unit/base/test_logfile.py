"""Logs stay bounded while their writers go on."""

from __future__ import annotations

import os

from knarr.base import logfile


def test_our_own_log_begins_anew_and_loses_nothing(tmp_path):
    """Two descriptors write to the log; it has grown too big: both go on in a new file, the old one is kept once."""
    path = tmp_path / "server.log"
    first = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    second = os.dup(first)
    for word in (b"one", b"two"):
        os.write(first, word * 10)
        assert logfile.turn(path, descriptors=(first, second), bytes_max=20)
    os.write(second, b"three")

    assert path.read_bytes() == b"three"
    assert logfile.kept(path).read_bytes() == b"two" * 10
    assert not logfile.turn(path, descriptors=(first, second), bytes_max=20)
    for number in (first, second):
        os.close(number)


def test_a_terminal_is_left_alone(tmp_path):
    """In the foreground standard error is no file of ours, however big the old log is."""
    path = tmp_path / "server.log"
    path.write_bytes(b"x" * 100)
    reader, writer = os.pipe()

    assert not logfile.turn(path, descriptors=(writer,), bytes_max=20)
    assert path.stat().st_size == 100
    os.close(reader)
    os.close(writer)


def test_a_childs_log_is_cut_under_its_hands(tmp_path):
    """The child appends: after the cut its next line is the file's first."""
    path = tmp_path / "containerd.log"
    with path.open("ab", buffering=0) as child:
        child.write(b"x" * 30)
        assert logfile.cut(path, bytes_max=20)
        child.write(b"next")

    assert path.read_bytes() == b"next"
    assert logfile.kept(path).stat().st_size == 30
    assert not logfile.cut(tmp_path / "absent", bytes_max=20)


def test_a_full_disk_drops_lines_and_says_so_later(tmp_path):
    """While the disk is full lines are lost, and whoever logs goes on; afterwards the log says how many."""
    full, path = os.open("/dev/full", os.O_WRONLY), tmp_path / "log"
    opened = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        lines = logfile.Lines(full)
        for number in range(3):
            print(f"lost {number}", file=lines, flush=True)
        os.dup2(opened, full)
        print("here again", file=lines, flush=True)
        print("and on", file=lines, flush=True)
    finally:
        os.close(full)
        os.close(opened)

    assert '\n{"event": "log.dropped", "lines": 3}\nhere again\nand on\n' == path.read_text()

"""The supervisor's parts that need no process."""

from __future__ import annotations

import os

from knarr.assembly import supervise


def test_the_command_line_is_split_at_each_name():
    """Two parts, each with its words."""
    assert [["server", "a", "b"], ["agent", "c"]] == supervise.split(["--", "server", "a", "b", "--", "agent", "c"])


def test_a_pid_alone_does_not_count(tmp_path):
    """After a reboot a stranger may have the number."""
    supervise.write_pid(tmp_path / "x.pid", os.getpid())
    pid, started = (tmp_path / "x.pid").read_text().split()

    assert str(os.getpid()) == pid
    assert started == supervise.start_time(os.getpid())
    assert supervise.start_time(2**22 + 1) == ""


def test_its_log_is_bounded(tmp_path):
    """A crash loop of a year must not fill the disk."""
    (tmp_path / "supervisor.log").write_bytes(b"x" * 1_000_001)

    supervise.say(tmp_path, "again")

    assert (tmp_path / "supervisor.log").stat().st_size < 100
    assert (tmp_path / "supervisor.log.1").exists()

"""Looking leaves nothing behind."""

from __future__ import annotations

import errno
import socket

import pytest

from knarr.assembly import preflight
from knarr.assembly.failure import Failure


def test_a_good_place_is_left_as_it_was(tmp_path):
    """The folder is not there yet; looking whether it could be written does not make it."""
    preflight.check_writable(tmp_path / "a" / "b")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("number", "fix"), [
    pytest.param(errno.ENOSPC, "free some space", id="full"),
    pytest.param(errno.EROFS, "--data-dir", id="read-only"),
])
def test_a_bad_place_is_told_with_the_way_out(tmp_path, monkeypatch, number, fix):
    """The disk says no."""
    def refuse(*_):
        raise OSError(number, "no")

    monkeypatch.setattr("pathlib.Path.write_bytes", refuse)

    with pytest.raises(Failure, match="cannot write") as told:
        preflight.check_writable(tmp_path / "data")
    assert fix in told.value.fix


def test_a_port_that_is_taken_is_told():
    """Somebody listens there already."""
    with socket.create_server(("0.0.0.0", 0)) as taken, pytest.raises(Failure, match="is in use"):
        preflight.check_port(taken.getsockname()[1])

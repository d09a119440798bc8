"""A container that talks without end fills five files and no more."""

from __future__ import annotations

import asyncio
import doctest
import gzip
from pathlib import Path
from typing import cast

import pytest

from knarr.base import virtual
from knarr.base.clock import ManualClock
from knarr.node import logrotate
from knarr.node.cri.face import ContainerLine, Runtime, RuntimeFault
from knarr.node.logrotate import LogRotation
from knarr.node.rules import Rules
from knarr.node.settings import Settings


class Talker:
    """A runtime with one running container, which writes where its log is open."""

    def __init__(self, path: Path) -> None:
        self.path, self.fault, self.listed, self.reopened = path, "", 0, -1
        self.reopen()

    def reopen(self) -> None:
        self.reopened += 1
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.file = self.path.open("ab", buffering=0)

    async def list_containers(self) -> tuple[ContainerLine, ...]:
        """Tell of it."""
        self.listed += 1
        return (ContainerLine("id1", "s1", "c", 0, "running", {"io.kubernetes.pod.uid": "u1"}),)

    async def reopen_log(self, container_id: str) -> None:
        """Open the log anew, or fail."""
        assert container_id == "id1"
        if self.fault:
            raise RuntimeFault("UNKNOWN", self.fault)
        self.reopen()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Logs of a hundred bytes."""
    return Settings(tmp_path, "n1", "10.0.0.1", rules=Rules(log_bytes_max=100))


async def test_rotation_keeps_five_files(settings: Settings) -> None:
    """Eight rotations: the current log, the one before it plain, three older ones compressed, the rest dropped."""
    path, clock = settings.log_file("ns", "p", "u1", "c", 0), ManualClock()
    talker = Talker(path)
    rotation = LogRotation(settings, cast("Runtime", talker), clock)
    for number in range(8):
        talker.file.write(b"%d" % number * 100)
        await rotation.look()
        clock.advance(10)

    names = sorted(each.name for each in path.parent.iterdir())
    assert ["0.log", "0.log.20231114-221400.gz", "0.log.20231114-221410.gz", "0.log.20231114-221420.gz",
            "0.log.20231114-221430"] == names
    assert b"" == path.read_bytes()
    assert b"7" * 100 == (path.parent / names[-1]).read_bytes()
    assert b"6" * 100 == gzip.decompress((path.parent / names[-2]).read_bytes())


def test_a_flood_is_seen_at_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log fills up in no time: the disk's free space tells so within a second, then sizes are looked at all the time.

    Files of one second have names of their own; none is compressed; five are kept, as always.
    """
    clock = ManualClock()

    async def story() -> None:
        talker = Talker(settings.log_file("ns", "p", "u1", "c", 0))
        rotation, free_bytes = LogRotation(settings, cast("Runtime", talker), clock), [100_000]
        monkeypatch.setattr(rotation, "_free_bytes", lambda: free_bytes[0])
        task = asyncio.get_running_loop().create_task(rotation.run())
        most_bytes = 0
        for _ in range(60):
            talker.file.write(b"x" * 400)
            free_bytes[0] -= 400
            await asyncio.sleep(0.1)
            most_bytes = max(most_bytes, sum(each.stat().st_size for each in talker.path.parent.iterdir()))
        task.cancel()
        await asyncio.wait([task])

        names = sorted(each.name for each in talker.path.parent.iterdir())
        assert talker.reopened >= 15
        assert 5 == len(names)
        assert not [name for name in names if name.endswith(".gz")]
        assert most_bytes <= 8_000        # of 24,000 written

    virtual.run(story(), clock)


async def test_small_logs_cost_no_question(settings: Settings) -> None:
    """Nothing is full: the runtime is not asked."""
    talker = Talker(settings.log_file("ns", "p", "u1", "c", 0))
    talker.file.write(b"x" * 99)
    await LogRotation(settings, cast("Runtime", talker), ManualClock()).look()

    assert 0 == talker.listed


async def test_the_old_name_comes_back(settings: Settings) -> None:
    """The runtime cannot open a new file: it goes on writing to the old one, which must keep its name."""
    talker = Talker(settings.log_file("ns", "p", "u1", "c", 0))
    talker.file.write(b"x" * 200)
    talker.fault = "disk is full"
    await LogRotation(settings, cast("Runtime", talker), ManualClock()).look()

    assert ["0.log"] == [each.name for each in talker.path.parent.iterdir()]


def test_examples() -> None:
    """The docstrings' examples hold."""
    assert 0 == doctest.testmod(logrotate).failed

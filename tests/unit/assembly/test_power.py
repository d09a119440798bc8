"""How the machine's going down is heard: by signal, and from logind through systemd's own programs (played by scripts)."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from knarr.assembly import power

INHIBIT = """#!/bin/sh
echo held >> "$HOME/lock"
cat
echo released >> "$HOME/lock"
"""
BUSCTL = """#!/bin/sh
echo "$@" > "$HOME/asked"
echo 'not json'
while :; do [ -e "$HOME/say" ] && cat "$HOME/say" && rm "$HOME/say"; sleep 0.02; done
"""
LINE = '{"type":"signal","interface":"org.freedesktop.login1.Manager","member":"PrepareForShutdown",' \
       '"payload":{"type":"b","data":[%s]}}\n'


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with a system bus and systemd's two programs."""
    for name, script in (("systemd-inhibit", INHIBIT), ("busctl", BUSCTL)):
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "bus").touch()
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


async def until(holds, what):
    """Wait for a condition, generously."""
    for _ in range(1500):
        if holds():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(what)


async def test_logind_waits_until_the_pods_have_ended(machine: Path) -> None:
    """The lock is held from the start, given back after the shutdown was dealt with, and held again when it is off."""
    def lock() -> str:
        path = machine / "lock"
        return path.read_text() if path.exists() else ""

    def say(word: str) -> None:
        (machine / "part").write_text(LINE % word)
        (machine / "part").rename(machine / "say")

    coming = power.coming(machine / "bus")
    first = asyncio.ensure_future(anext(coming))
    await until(lambda: lock() == "held\n" and (machine / "asked").exists(), "the lock is held")
    assert "PrepareForShutdown" in (machine / "asked").read_text()
    say("true")
    assert await asyncio.wait_for(first, 30)
    assert "held\n" == lock()

    second = asyncio.ensure_future(anext(coming))
    await until(lambda: lock() == "held\nreleased\n", "the lock is given back")
    say("false")
    assert not await asyncio.wait_for(second, 30)
    third = asyncio.ensure_future(anext(coming))
    await until(lambda: lock().endswith("released\nheld\n"), "the lock is held again")

    third.cancel()
    await asyncio.wait([third])
    await coming.aclose()
    await until(lambda: lock().endswith("held\nreleased\n"), "nothing is left")


async def test_anybody_can_say_so_by_signal(tmp_path: Path) -> None:
    """A machine without a system bus: whoever shuts it down sends SIGUSR1 to the agent."""
    coming = power.coming(tmp_path / "none")
    first = asyncio.ensure_future(anext(coming))
    await asyncio.sleep(0)
    os.kill(os.getpid(), signal.SIGUSR1)

    assert await asyncio.wait_for(first, 30)
    await coming.aclose()


@pytest.mark.parametrize(("line", "down"), [
    pytest.param((LINE % "true").encode(), True, id="down"),
    pytest.param((LINE % "false").encode(), False, id="not after all"),
    pytest.param(b'{"member":"SessionNew"}', None, id="something else"),
    pytest.param(b'{"member":"PrepareForShutdown"}', None, id="no word"),
    pytest.param(b"[1]", None, id="no object"),
    pytest.param(b"x", None, id="no JSON"),
])
def test_what_busctl_prints(line: bytes, down: bool | None) -> None:
    """Only one announcement is of interest."""
    assert down is power.announced(line)

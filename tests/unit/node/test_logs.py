"""Logs are read as kubelet reads them: pieces joined, tails counted, time filtered, followed to the end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from knarr.node import logs
from knarr.node.logs import LogOptions


def line(second: int, text: str, *, stream: str = "stdout", tag: str = "F") -> str:
    """One raw line, `second` seconds after midnight UTC on 2026-01-02."""
    return f"2026-01-02T00:00:{second:02}.5Z {stream} {tag} {text}\n"


MIDNIGHT_S = 1767312000.0
STORY = (
    line(1, "one") + line(2, "two, err", stream="stderr") + line(3, "three: be", tag="P")
    + line(3, "ginning and e", tag="P") + line(3, "nd") + line(4, "four")
)


async def text(path: Path, options: LogOptions) -> str:
    """Read all of it from a container that has ended."""
    return b"".join([block async for block in logs.read(path, options, ended=lambda: True)]).decode()


@pytest.mark.parametrize(("options", "expected"), [
    pytest.param(LogOptions(), "one\ntwo, err\nthree: beginning and end\nfour\n", id="all, pieces joined"),
    pytest.param(LogOptions(tail_lines=2), "three: beginning and end\nfour\n", id="pieces count as one line"),
    pytest.param(LogOptions(tail_lines=0), "", id="no line"),
    pytest.param(LogOptions(tail_lines=99), "one\ntwo, err\nthree: beginning and end\nfour\n", id="more than there is"),
    pytest.param(LogOptions(since_s=MIDNIGHT_S + 3.5), "three: beginning and end\nfour\n", id="since, inclusive"),
    pytest.param(LogOptions(since_s=MIDNIGHT_S + 3.6), "four\n", id="since, a tenth later"),
    pytest.param(LogOptions(limit_bytes=6), "one\ntw", id="cut in the middle"),
    pytest.param(LogOptions(limit_bytes=0), "", id="nothing"),
    pytest.param(LogOptions(stream="Stderr"), "two, err\n", id="one stream"),
    pytest.param(LogOptions(tail_lines=2, timestamps=True),
                 "2026-01-02T00:00:03.500000000Z three: beginning and end\n2026-01-02T00:00:04.500000000Z four\n",
                 id="nine digits, once a line"),
    pytest.param(LogOptions(follow=True, tail_lines=2), "three: beginning and end\nfour\n", id="follow what has ended"),
])
async def test_read(tmp_path: Path, options: LogOptions, expected: str) -> None:
    """A finished container left four lines, the third in pieces."""
    path = tmp_path / "0.log"
    path.write_text(STORY)

    assert expected == await text(path, options)


@pytest.mark.parametrize("lines", [0, 1, 2, 500, 9_999, 10_000, 10_001])
async def test_tail_of_a_log_of_many_blocks(tmp_path: Path, lines: int) -> None:
    """The tail is found from the end, block by block; block edges fall anywhere within lines."""
    path = tmp_path / "0.log"
    path.write_text("".join(line(n % 60, f"number {n} {'x' * (n % 97)}") for n in range(10_000)))
    wanted = [f"number {n} {'x' * (n % 97)}" for n in range(10_000)][10_000 - lines if lines <= 10_000 else 0:]

    assert wanted == (await text(path, LogOptions(tail_lines=lines))).splitlines()


async def test_tail_passes_over_half_a_line(tmp_path: Path) -> None:
    """The runtime is in the middle of writing a line: it is not counted and not shown."""
    path = tmp_path / "0.log"
    path.write_text(STORY + "2026-01-02T00:00:05.5Z std")

    assert "four\n" == await text(path, LogOptions(tail_lines=1))


async def test_time_with_an_offset(tmp_path: Path) -> None:
    """A runtime that writes local time is understood."""
    path = tmp_path / "0.log"
    path.write_text("2026-01-02T01:00:04+01:00 stdout F local\n")

    assert "local\n" == await text(path, LogOptions(since_s=MIDNIGHT_S + 4))
    assert "" == await text(path, LogOptions(since_s=MIDNIGHT_S + 5))


async def test_no_log(tmp_path: Path) -> None:
    """The container never wrote anything: the caller is told plainly."""
    with pytest.raises(FileNotFoundError):
        await text(tmp_path / "0.log", LogOptions())


async def test_a_slow_follower_goes_from_file_to_file(tmp_path: Path) -> None:
    """The log was rotated three times before he looks again, the first time compressed: he reads what there is, in order."""
    path = tmp_path / "0.log"
    path.write_text(line(1, "one"))
    running = True
    blocks = logs.read(path, LogOptions(follow=True), ended=lambda: not running)
    async with asyncio.timeout(5):
        assert b"one\n" == await anext(blocks)
        with path.open("a") as file:
            file.write(line(2, "two"))
        path.rename(tmp_path / "0.log.20260102-000001")
        (tmp_path / "0.log.20260101-000001.gz").write_bytes(b"packed")
        (tmp_path / "0.log.20260102-000002").write_text(line(3, "three"))
        (tmp_path / "0.log.20260102-000003").write_text(line(4, "four"))
        path.write_text(line(5, "five"))
        assert [b"two\n", b"three\n", b"four\n", b"five\n"] == [await anext(blocks) for _ in range(4)]
    await blocks.aclose()


async def test_follow_through_rotation_to_the_end(tmp_path: Path) -> None:
    """A reader follows; lines come, the log is rotated, more lines come, the container ends. Nothing is lost."""
    path = tmp_path / "0.log"
    path.write_text(line(1, "first"))
    running = True
    seen: asyncio.Queue[bytes] = asyncio.Queue()

    async def follow() -> None:
        async for block in logs.read(path, LogOptions(follow=True), ended=lambda: not running):
            seen.put_nowait(block)

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(follow())
        assert b"first\n" == await seen.get()
        with path.open("a") as file:
            file.write(line(2, "second"))
        assert b"second\n" == await seen.get()
        with path.open("a") as file:
            file.write(line(3, "last of the old"))
        path.rename(tmp_path / "0.log.20260102")
        path.write_text(line(4, "first of the new"))
        assert b"last of the old\n" == await seen.get()
        assert b"first of the new\n" == await seen.get()
        running = False
        with path.open("a") as file:
            file.write(line(5, "farewell"))
        assert b"farewell\n" == await seen.get()

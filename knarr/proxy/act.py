"""Bring nftables commands into the kernel. The proxy's only door to a program.

Whole tables go through `nft -f -`. Changes go, one line each, to a long-lived `nft -i`: a line is a transaction, and
the answer to a harmless question asked behind it (the fence) says that it is done; what was printed before the fence
is the error.
"""

from __future__ import annotations

import asyncio
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process

FENCE = b"describe udp length\n"  # answered without asking the kernel, in one line
FENCE_ANSWER = b"payload expression"
ANSWER_S = 20.0  # a whole table of 10,000 Services takes half a second; then the child is given up
LINE_BYTES_MAX = 16 << 20  # an error repeats the line it is about
NFT = ("nft",)


class NftError(Exception):
    """nft refused; the text is its own."""


class Kernel:
    """The tables of one network namespace. nft: the command, so that a test can put another namespace before it."""

    def __init__(self, nft: tuple[str, ...] = NFT) -> None:
        self._nft = nft
        self._child: Process | None = None

    async def load(self, text: str) -> None:
        """Carry out a whole file as one transaction; NftError if nft refuses, and then nothing has changed."""
        child = await asyncio.create_subprocess_exec(*self._nft, "-f", "-", stdin=PIPE, stdout=PIPE, stderr=STDOUT)
        try:
            async with asyncio.timeout(ANSWER_S):
                said, _ = await child.communicate(text.encode())
        except (TimeoutError, asyncio.CancelledError):
            await _end(child)
            raise
        if child.returncode:
            raise NftError(said.decode(errors="replace").strip()[:2000])

    async def change(self, line: str) -> None:
        """Carry out one line as one transaction; NftError if nft refuses, and then nothing has changed."""
        assert "\n" not in line, "a line is a transaction"
        child = self._child or await self._start()
        assert child.stdin is not None
        try:
            async with asyncio.timeout(ANSWER_S):
                child.stdin.write(line.encode() + b"\n" + FENCE)
                await child.stdin.drain()
                said = await _until_fence(child)
        except (OSError, TimeoutError, asyncio.CancelledError, asyncio.LimitOverrunError, ValueError):
            await self.close()
            raise
        if said:
            raise NftError(said.decode(errors="replace").strip()[:2000])

    async def load_module(self, name: str) -> None:
        """Load a kernel module where it lacks. What cannot be loaded is for the caller to notice by its effect."""
        try:
            child = await asyncio.create_subprocess_exec("modprobe", "--quiet", name, stdout=DEVNULL, stderr=DEVNULL)
            await child.wait()
        except FileNotFoundError:
            return

    async def close(self) -> None:
        """End the child. The table stays: traffic goes on without us."""
        child, self._child = self._child, None
        if child is not None:
            await _end(child)

    async def _start(self) -> Process:
        self._child = await asyncio.create_subprocess_exec(
            *self._nft, "-i", stdin=PIPE, stdout=PIPE, stderr=STDOUT, limit=LINE_BYTES_MAX)
        return self._child


async def _until_fence(child: Process) -> bytes:
    assert child.stdout is not None
    said = b""
    while True:
        line = await child.stdout.readline()
        if not line:
            raise BrokenPipeError(f"nft ended: {said[-2000:].decode(errors='replace')}")
        if line.startswith(FENCE_ANSWER):
            return said
        said += line


async def _end(child: Process) -> None:
    if child.returncode is None:
        child.kill()
    await child.wait()


async def remove_table(name: str, *, kernel: Kernel | None = None) -> None:
    """Take the whole table out, if it is there."""
    await (kernel or Kernel()).load(f"add table ip {name}\ndelete table ip {name}\n")

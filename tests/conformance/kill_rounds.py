"""Kill a writing process again and again; after each time, look whether anything it had acknowledged is lost.

Run as `kill_rounds.py DIRECTORY ROUNDS SEED`; prints `rounds R acknowledged A` or fails with what was lost.

Sixteen writers, each with a key of its own, go round insert, replace, replace, remove; step n of a writer writes the
number n. Each acknowledged step is reported through a pipe. After a kill the key must hold the last reported step or
the one after it.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import struct
import sys
from pathlib import Path

from knarr.store.face import Draft, Entry
from knarr.store.sqlite import PLAIN, connect, load, open_sqlite, prepare, take

WRITERS = 16
REPORT = struct.Struct("<iqq")  # writer, step, revision
FILLER = b"x" * 2000  # so that a batch spans pages


def main(folder: Path, rounds: int, seed: int) -> None:
    dice = random.Random(seed)
    steps = [-1] * WRITERS
    acknowledged = newest = 0
    for _ in range(rounds):
        reports = live_and_die(folder / "state.db", steps, kill_after=dice.randrange(1, 150))
        acknowledged += len(reports)
        for writer, step, revision in reports:
            steps[writer], newest = step, max(newest, revision)
        steps, newest = survey(folder / "state.db", steps, newest)
    print(f"rounds {rounds} acknowledged {acknowledged}")


def live_and_die(path: Path, steps: list[int], *, kill_after: int) -> list[tuple[int, int, int]]:
    """Let a child write until it has reported `kill_after` steps, kill it, return all that it reported."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        asyncio.run(write(path, steps, writing))
        os._exit(1)
    os.close(writing)
    data = b""
    killed = False
    while chunk := os.read(reading, 1 << 16):
        data += chunk
        if not killed and len(data) >= kill_after * REPORT.size:
            os.kill(child, signal.SIGKILL)
            killed = True
    os.close(reading)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), f"the child ended by itself: {status}"
    whole = len(data) // REPORT.size * REPORT.size
    return list(REPORT.iter_unpack(data[:whole]))


async def write(path: Path, steps: list[int], pipe: int) -> None:
    """Write for ever, report each acknowledged step."""
    store = open_sqlite(path)

    async def writer(number: int) -> None:
        step, key = steps[number], f"/core/configmaps/default/w{number}"
        while True:
            step += 1
            there = store.get(key)
            if step % 4 == 0:
                entry = await store.insert(key, draft(step))
            elif step % 4 == 3:
                entry = await store.remove(key, expect=there.revision)
            else:
                entry = await store.replace(key, draft(step), expect=there.revision)
            os.write(pipe, REPORT.pack(number, step, entry.revision))

    await asyncio.gather(*(writer(number) for number in range(WRITERS)))


def draft(step: int) -> Draft:
    return Draft(b'{"revision":', b',"step":%d,"filler":"%b"}' % (step, FILLER))


def survey(path: Path, steps: list[int], newest: int) -> tuple[list[int], int]:
    """Compare what is stored with what was acknowledged; return where each writer really is, and the revision."""
    owner = take(path)
    connection = connect(path)
    prepare(connection)
    entries, revision = load(connection, PLAIN)
    connection.close()
    owner.release()
    assert revision >= newest, f"revision {newest} was acknowledged, the newest stored is {revision}"
    stored = {entry.key: entry for entry in entries}
    found = [where(stored.get(f"/core/configmaps/default/w{n}"), step) for n, step in enumerate(steps)]
    return found, revision


def where(entry: Entry | None, acknowledged: int) -> int:
    """Return the step that a key holds: the acknowledged one or the next."""
    for step in (acknowledged, acknowledged + 1):
        absent = step == -1 or step % 4 == 3
        if absent == (entry is None) and (entry is None or entry.obj["step"] == step):
            return step
    raise AssertionError(f"step {acknowledged} was acknowledged, but stored is {entry}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))

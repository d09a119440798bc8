"""The key that seals Secrets is changed under a running store, and the power goes at every moment of it."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys

import orjson
import pytest

from knarr.api.http import Call
from knarr.assembly import pki, sealing
from knarr.assembly.failure import Failure
from knarr.assembly.instance import Config, Instance
from knarr.assembly.sealing import PATH, Sealing
from knarr.base.clock import ManualClock
from knarr.store import sqlite
from knarr.store.face import Draft, StoreUnavailable
from knarr.store.sealed import Sealed
from knarr.store.sqlite import open_sqlite

SECRETS = 20


@pytest.fixture
def instance(tmp_path):
    made = Instance(tmp_path / "live", Config("harbour", "192.0.2.7"))
    pki.ensure(made, 1_800_000_000.0)
    return made


def opened(instance):
    cipher = Sealed(pki.seal_keys(instance))
    return cipher, open_sqlite(instance.database, cipher=cipher)


async def fill(store):
    for number in range(SECRETS):
        await store.insert(f"/core/secrets/default/s{number:02}", Draft(b'{"rv":', b',"is":"hunter%02d"}' % number))
    await store.insert("/core/configmaps/default/c", Draft(b'{"rv":', b"}"))


def sealed_with(instance):
    """Return the numbers of the keys that seal what lies in the file."""
    connection = sqlite.connect(instance.database)
    try:
        rows = connection.execute("SELECT value FROM object WHERE key LIKE '/core/secrets/%'").fetchall()
    finally:
        connection.close()
    return {value[3:7] for (value,) in rows}


async def test_a_new_key_seals_everything(instance):
    """No revision is spent, no watcher told; the old key is retired, and backups of before can still be read with it."""
    cipher, store = opened(instance)
    await fill(store)
    before, revision = sealed_with(instance), store.revision
    answer = await Sealing(instance, cipher, store).answer(Call("POST", PATH))
    after = sealed_with(instance)
    await store.close()
    _, again = opened(instance)

    assert {"sealed": SECRETS} == orjson.loads(answer.body)
    assert (1, 1, True) == (len(before), len(after), before != after)
    assert revision == store.revision
    assert b"hunter07" in again.get("/core/secrets/default/s07").value
    assert 1 == len((instance.pki / pki.SEAL).read_text().split())
    assert 2 == len(pki.seal_keys(instance))
    assert 0o600 == (instance.pki / pki.SEAL_BEFORE).stat().st_mode & 0o777
    await again.close()


async def test_the_power_goes_at_any_moment(instance, tmp_path, monkeypatch):
    """The files are copied after every step, as a kill would leave them: each copy opens, holds every Secret, and ends
    the change by itself."""
    monkeypatch.setattr(sqlite, "RESEALED_MAX", 3)
    cipher, store = opened(instance)
    await fill(store)
    copies = []

    def snap():
        copy = tmp_path / f"copy{len(copies)}"
        shutil.copytree(instance.data_dir, copy)
        (copy / "state.db.lock").unlink(missing_ok=True)
        copies.append(copy)

    disk = store._disk
    step, begin, end = disk._reseal, pki.begin_sealing_with, pki.end_change

    def reseal(prefix, after):
        done = step(prefix, after)
        snap()
        return done

    monkeypatch.setattr(disk, "_reseal", reseal)
    monkeypatch.setattr(sealing.pki, "begin_sealing_with", lambda *how: (snap(), begin(*how), snap()))
    monkeypatch.setattr(sealing.pki, "end_change", lambda *how: (snap(), end(*how), snap()))
    await Sealing(instance, cipher, store).rotate()
    await store.close()
    monkeypatch.undo()

    assert len(copies) > SECRETS // 3
    for copy in copies:
        found = Instance(copy, instance.config)
        cipher, store = opened(found)
        assert all(b"hunter%02d" % number in store.get(f"/core/secrets/default/s{number:02}").value for number in range(SECRETS))
        await Sealing(found, cipher, store).resume(ManualClock())
        await store.close()
        assert 1 == len(sealed_with(found))
        assert not pki.change_is_under_way(found)


CHANGING = """
import asyncio, sys
from pathlib import Path
from knarr.assembly import pki
from knarr.assembly.instance import Config, Instance
from knarr.assembly.sealing import Sealing
from knarr.store import sqlite
from knarr.store.sealed import Sealed
sqlite.RESEALED_MAX = 1

async def main():
    instance = Instance(Path(sys.argv[1]), Config("harbour", "192.0.2.7"))
    cipher = Sealed(pki.seal_keys(instance))
    sealing = Sealing(instance, cipher, sqlite.open_sqlite(instance.database, cipher=cipher))
    print("begun", flush=True)
    while True:
        await sealing.rotate()

asyncio.run(main())
"""


def change_and_kill(instance, pause_s):
    with subprocess.Popen([sys.executable, "-c", CHANGING, str(instance.data_dir)], stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(pause_s)
        child.kill()


@pytest.mark.slow
async def test_a_process_that_is_killed_loses_nothing(instance):
    """It changes keys over and over, one Secret at a time; three times it is killed, and goes on at the next start."""
    _, store = opened(instance)
    await fill(store)
    await store.close()
    for pause_s in (0.011, 0.047, 0.093):  # no other reason than to be different moments
        change_and_kill(instance, pause_s)
        cipher, store = opened(instance)
        assert all(b"hunter%02d" % number in store.get(f"/core/secrets/default/s{number:02}").value for number in range(SECRETS))
        await Sealing(instance, cipher, store).resume(ManualClock())
        await store.close()
        assert 1 == len(sealed_with(instance))


async def test_a_full_disk_puts_it_off(instance):
    """The disk refuses: the change stays under way, both keys are known, and it is ended later."""
    class Refusing:
        tries = 0

        async def reseal(self):
            self.tries += 1
            if self.tries < 3:
                raise StoreUnavailable("database or disk is full")
            return 5

    store, clock = Refusing(), ManualClock()
    found = Sealing(instance, Sealed(pki.seal_keys(instance)), store)
    with pytest.raises(StoreUnavailable):
        await found.rotate()
    under_way = pki.change_is_under_way(instance)

    async def sleep(seconds_s):
        clock.advance(seconds_s)

    clock.sleep = sleep
    await found.resume(clock)

    assert (True, False, 3) == (under_way, pki.change_is_under_way(instance), store.tries)


def test_an_empty_key_file_is_told(instance):
    """Somebody emptied it: nothing is made up in its place."""
    (instance.pki / pki.SEAL).write_text("\n")
    with pytest.raises(Failure, match="there is no key that seals Secrets"):
        pki.seal_keys(instance)

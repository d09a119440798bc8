"""Secrets at rest."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knarr.store.face import Draft, StoreUnavailable
from knarr.store.repair import repair
from knarr.store.sealed import Sealed
from knarr.store.sqlite import open_sqlite

OLD, NEW = bytes(32), bytes(range(32))
SECRET, OTHER = "/core/secrets/default/s", "/core/configmaps/default/c"
VALUE = Draft(b'{"rv":', b',"password":"hunter2"}')


@given(st.binary(max_size=200))
def test_what_is_sealed_comes_back(value: bytes) -> None:
    """And cannot be read in between, nor twice be the same."""
    sealed = Sealed([NEW])
    stored = sealed.seal(SECRET, value)

    assert value == sealed.unseal(SECRET, stored)
    assert stored != sealed.seal(SECRET, value)


@pytest.mark.parametrize(("key", "stored"), [
    pytest.param("/core/secrets/default/mine", Sealed([NEW]).seal(SECRET, b"{}"), id="moved to another name"),
    pytest.param(SECRET, Sealed([NEW]).seal(SECRET, b"{}")[:-1] + b"x", id="changed"),
    pytest.param(SECRET, Sealed([OLD]).seal(SECRET, b"{}"), id="sealed with a key that is gone"),
])
def test_what_was_tampered_with_is_refused(key: str, stored: bytes) -> None:
    """Somebody with access to the file cannot make us believe things."""
    with pytest.raises((ValueError, LookupError), match="sealed"):
        Sealed([NEW]).unseal(key, stored)


async def test_turning_it_on_and_changing_keys(tmp_path: Path) -> None:
    """A cluster starts plain, turns encryption on, then changes its key: everything stays readable, new writes are new."""
    path = tmp_path / "state.db"
    store = open_sqlite(path)
    entry = await store.insert(SECRET, VALUE)
    await store.insert(OTHER, VALUE)
    await store.close()
    for keys in ([OLD], [NEW, OLD], [NEW]):
        store = open_sqlite(path, cipher=Sealed(keys))
        entry = await store.replace(SECRET, VALUE, expect=entry.revision)
        await store.close()
    store = open_sqlite(path, cipher=Sealed([NEW]))

    assert entry == store.get(SECRET)
    assert store.get(OTHER) is not None
    await store.close()
    with pytest.raises(StoreUnavailable, match="put the key file back"):
        open_sqlite(path, cipher=Sealed([OLD]))
    with pytest.raises(LookupError):  # and a repair must not throw the Secrets away
        repair(path, cipher=Sealed([OLD]))
    with pytest.raises(LookupError, match="no key was given"):
        repair(path)
    assert [path.name, "state.db.lock"] == sorted(file.name for file in tmp_path.iterdir())


async def test_repair_keeps_secrets_sealed(tmp_path: Path) -> None:
    """A damaged file is mended; what was secret on disk still is."""
    path = tmp_path / "state.db"
    store = open_sqlite(path, cipher=Sealed([NEW]))
    await store.insert(SECRET, VALUE)
    await store.close()
    assert repair(path, cipher=Sealed([NEW])).kept == 1

    assert b"hunter2" not in path.read_bytes()


def test_nobody_else_reads_the_database(tmp_path: Path) -> None:
    """The data directory may be open to all, for the kubeconfig's owner to get there; the state is not."""
    path = tmp_path / "state.db"
    path.touch(mode=0o644)
    open_sqlite(path)

    assert {0o600} == {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}

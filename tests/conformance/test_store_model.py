"""Any sequence of writes, pages and restarts agrees with a plain dict and a list of what happened."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from knarr.store.engine import Engine
from knarr.store.face import AlreadyThere, Compacted, Draft, Gone, Order, Stale
from knarr.store.memory import open_memory
from knarr.store.sqlite import open_sqlite

KEYS = st.sampled_from([f"/{group}/{plural}/{space}/{name}" for group in ("core", "a.b") for plural in ("x", "xy")
                        for space in ("-", "n") for name in ("k", "k1", "l")])
PREFIXES = st.sampled_from(["/", "/core/", "/core/x/", "/core/x/n/", "/a.b/xy/", "/none/", "/core/x/n/k"])
TEXTS = st.text("ab", max_size=3)
LOG_MAX = 12


def draft(text: str) -> Draft:
    return Draft(b'{"v":', b',"t":"' + text.encode() + b'"}')


class MemoryModel(RuleBasedStateMachine):
    """The model: key -> (text, revision), and that dict as it was at every revision."""

    def open(self) -> Engine:
        return open_memory(changes_max=LOG_MAX)

    @initialize()
    def start(self) -> None:
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        self.store = self.open()
        self.model: dict[str, tuple[str, int]] = {}
        self.past = {self.store.revision: {}}
        self.watch = self.store.watch("/core/", since=self.store.revision)
        self.heard: dict[str, int] = {}

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.runner.run(self.store.close())
            self.runner.close()
            shutil.rmtree(self.folder)

    def remember(self) -> None:
        assert self.store.revision not in self.past
        self.past[self.store.revision] = dict(self.model)

    @rule(key=KEYS, text=TEXTS)
    def insert(self, key: str, text: str) -> None:
        if key in self.model:
            with pytest.raises(AlreadyThere):
                self.runner.run(self.store.insert(key, draft(text)))
            return
        entry = self.runner.run(self.store.insert(key, draft(text)))
        self.model[key] = (text, entry.revision)
        self.remember()

    @rule(key=KEYS, text=TEXTS, behind=st.sampled_from([0, 0, 1]))
    def replace(self, key: str, text: str, behind: int) -> None:
        expect = self.model.get(key, ("", 5))[1] - behind
        work = self.store.replace(key, draft(text), expect=expect)
        if key not in self.model or behind:
            with pytest.raises((Gone, Stale)):
                self.runner.run(work)
            return
        self.model[key] = (text, self.runner.run(work).revision)
        self.remember()

    @rule(key=KEYS)
    def remove(self, key: str) -> None:
        if key not in self.model:
            with pytest.raises(Gone):
                self.runner.run(self.store.remove(key, expect=1))
            return
        self.runner.run(self.store.remove(key, expect=self.model.pop(key)[1]))
        self.remember()

    @rule(keys=st.lists(KEYS, min_size=1, max_size=4, unique=True), text=TEXTS, wrong=st.sampled_from([0, 0, 0, 1]))
    def write_all(self, keys: list[str], text: str, wrong: int) -> None:
        orders = [Order(key, draft(text), self.model[key][1] if key in self.model else 0) for key in keys]
        if wrong:  # the last one is made from a state that never was
            orders[-1] = Order(keys[-1], draft(text), orders[-1].expect + 1)
            with pytest.raises((Gone, Stale)):
                self.runner.run(self.store.write_all(orders))
            return
        before = self.store.revision
        for entry in self.runner.run(self.store.write_all(orders)):
            self.model[entry.key] = (text, entry.revision)
            self.past[entry.revision] = {**self.past[entry.revision - 1], entry.key: (text, entry.revision)}
        assert before + len(keys) == self.store.revision

    @rule(prefix=PREFIXES, after=KEYS, limit=st.integers(0, 5), back=st.integers(0, 15))
    def page(self, prefix: str, after: str, limit: int, back: int) -> None:
        at = max(min(self.past), self.store.revision - back)
        if at < self.store.oldest:
            with pytest.raises(Compacted):
                self.store.list(prefix, revision=at)
            return
        page = self.store.list(prefix, after=after, limit=limit, revision=at)
        want = sorted(key for key in self.past[at] if key.startswith(prefix) and key > after)
        kept = want[:limit] if limit else want
        assert kept == [entry.key for entry in page.entries]
        assert [self.past[at][key][1] for key in kept] == [entry.revision for entry in page.entries]
        assert (len(want) > len(kept), len(want) - len(kept)) == (page.more, page.remaining)

    @rule()
    def hear(self) -> None:
        while self.watch.progress < self.store.revision:
            for change in self.runner.run(anext_of(self.watch)):
                if change.kind == "DELETED":
                    del self.heard[change.entry.key]
                else:
                    self.heard[change.entry.key] = change.entry.revision
        assert {key: rev for key, (_, rev) in self.model.items() if key.startswith("/core/")} == self.heard

    @invariant()
    def same(self) -> None:
        if hasattr(self, "store"):
            shown = {e.key: (e.obj["t"], e.revision) for e in self.store.list("/").entries}
            assert self.model == shown


class SqliteModel(MemoryModel):
    """The same, with restarts in between."""

    def open(self) -> Engine:
        return open_sqlite(self.folder / "state.db", changes_max=LOG_MAX)

    @rule()
    def restart(self) -> None:
        revision = self.store.revision
        self.hear()
        self.runner.run(self.store.close())
        self.store = self.open()
        assert revision == self.store.revision == self.store.oldest
        self.watch = self.store.watch("/core/", since=revision)


async def anext_of(watch: object) -> tuple:
    return await anext(watch)  # type: ignore[call-overload]


QUICK = settings(max_examples=30, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck))
TestMemoryModel = MemoryModel.TestCase
TestMemoryModel.settings = QUICK
TestSqliteModel = SqliteModel.TestCase
TestSqliteModel.settings = settings(QUICK, max_examples=10)

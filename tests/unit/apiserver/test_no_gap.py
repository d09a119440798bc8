"""List and watch against a twin: whatever is written, forgotten or read too slowly, a reader never misses a change.

The law: the revision up to which a reader has heard names a state of the world, and what the reader holds is that
state, to the byte of what its selector shows. Readers are client-go's reflectors: list (in pages), watch, come back
from where they were, list again at 410.
"""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from knarr.base import virtual
from knarr.base.clock import ManualClock
from knarr.store.memory import open_memory
from tests.unit.apiserver.asking import MERGE, Asker

MAPS = "/api/v1/namespaces/web/configmaps"
ALL, RED, ONE = "", "labelSelector=color=red", "fieldSelector=metadata.name=a"
MINUTE_S = 61  # bookmarks come about once a minute
State = dict[str, str]  # a name, and which of its versions


class World:
    """A small server that forgets and cuts soon, and every state that it was ever in."""

    def __init__(self) -> None:
        self.api = Asker(store=open_memory(changes_max=8, backlog_max=3))
        self.now: dict[str, dict[str, str]] = {}
        self.states: list[tuple[int, dict[str, dict[str, str]]]] = []
        self.writes = 0

    async def write(self, name: str, color: str) -> None:
        """Create a ConfigMap, or change it, or (without a color) delete it."""
        if not color:
            if self.now.pop(name, None) is None:
                return
            code, _ = await self.api.ask("DELETE", f"{MAPS}/{name}")
            assert 200 == code
        else:
            self.writes += 1
            body = {"metadata": {"name": name, "labels": {"color": color}}, "data": {"n": str(self.writes)}}
            known = name in self.now
            path, how = (f"{MAPS}/{name}", {"content_type": MERGE}) if known else (MAPS, {})
            code, _ = await self.api.ask("PATCH" if known else "POST", path, body, **how)
            assert code in (200, 201)
            self.now[name] = {"color": color, "n": str(self.writes)}
        self.states.append((self.api.store.revision, {name: dict(found) for name, found in self.now.items()}))

    def at(self, revision: int, query: str) -> State:
        """Return what a selector shows of the world at a revision."""
        found = next((state for when, state in reversed(self.states) if when <= revision), {})
        return {name: one["n"] for name, one in found.items()
                if query == ALL or (query == RED and one["color"] == "red") or (query == ONE and name == "a")}


class Reflector:
    """One client: what it holds, and up to where."""

    def __init__(self, world: World, query: str, *, streaming: bool) -> None:
        self.world, self.query, self.streaming = world, query, streaming
        self.held: State = {}
        self.revision = 0
        self.stream: Any = None
        self.pending: asyncio.Task[bytes] | None = None
        self.relists = 0

    async def list(self, between: Any = None) -> None:
        """List in pages of two. between: what others write meanwhile. A list that has become too old begins anew."""
        for _ in range(3):
            items, token, between_now = {}, "", between
            while True:
                tail = f"&continue={token}" if token else ""
                code, page = await self.world.api.ask("GET", f"{MAPS}?limit=2&{self.query}{tail}")
                if code == 410:
                    break
                items |= {one["metadata"]["name"]: one["data"]["n"] for one in page["items"]}
                token = page["metadata"].get("continue", "")
                if not token:
                    self.held, self.revision = items, int(page["metadata"]["resourceVersion"])
                    self.relists += 1
                    return
                if between_now is not None:
                    await between_now()
            between = None

    async def read(self, events: int) -> None:
        """Read this many batches at most, of those that are there; open a watch where there is none."""
        for _ in range(events):
            if self.stream is None:
                await self.open()
            self.pending = self.pending or asyncio.ensure_future(anext(self.stream, b""))
            for _ in range(5):
                await asyncio.sleep(0)
            if not self.pending.done():
                return
            chunk, self.pending = self.pending.result(), None
            if not chunk:
                self.stream = None
            for line in chunk.splitlines():
                await self.hear(orjson.loads(line))

    async def open(self) -> None:
        """Watch on from where it is; without a place, ask for the state as a stream, or list."""
        if not self.revision and not self.streaming:
            await self.list()
        query = f"watch=1&allowWatchBookmarks=true&{self.query}"
        if self.revision:
            query += f"&resourceVersion={self.revision}"
        else:
            self.held, query = {}, f"{query}&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
        answer = await self.world.api.call("GET", f"{MAPS}?{query}")
        assert answer.stream is not None, answer.body
        self.stream, self.initial = answer.stream, not self.revision

    async def hear(self, event: dict[str, Any]) -> None:
        """Take one event in; nothing may be told that is known already or cannot be."""
        sort, obj = event["type"], event["object"]
        if sort == "ERROR":
            assert 410 == obj["code"], obj
            self.revision, self.stream = 0, None
            return
        revision, name = int(obj["metadata"]["resourceVersion"]), obj["metadata"].get("name")
        if sort == "BOOKMARK":
            self.initial = self.initial and "annotations" not in obj["metadata"]
        elif sort == "DELETED":
            del self.held[name]
        else:
            assert (sort == "ADDED") == (name not in self.held), event
            self.held[name] = obj["data"]["n"]
        if not self.initial:
            assert revision >= self.revision, "what is told never goes back"
            self.revision = revision
            self.check()

    def check(self) -> None:
        """Hold the law."""
        assert self.world.at(self.revision, self.query) == self.held

    async def leave(self) -> None:
        """Hang up; what was read and not yet looked at is lost, as with a connection."""
        if self.pending is not None:
            self.pending.cancel()
            await asyncio.gather(self.pending, return_exceptions=True)
        if self.stream is not None:
            await self.stream.aclose()
        self.stream = self.pending = None


WRITE = st.tuples(st.just("write"), st.sampled_from("abcde"), st.sampled_from(["red", "blue", ""]))
READ = st.tuples(st.just("read"), st.integers(0, 3), st.integers(1, 4))
STEPS = st.lists(st.one_of(
    WRITE, WRITE, READ, READ,
    st.tuples(st.just("burst"), st.integers(1, 12)),
    st.tuples(st.just("leave"), st.integers(0, 3)),
    st.tuples(st.just("list"), st.integers(0, 3), st.booleans()),
    st.tuples(st.just("wait")),
), max_size=40)  # fmt: skip


@settings(max_examples=60, deadline=None)
@example([("write", "a", "red"), ("read", 0, 1), ("burst", 12), ("read", 0, 4)])  # cut, and its place forgotten
@example([("write", "a", "red"), ("read", 1, 1), ("write", "a", "blue"), ("wait",), ("read", 1, 4)])  # out of sight
@given(STEPS)
def test_a_reader_never_misses_a_change(steps):
    """Four readers, by list and by stream, with selectors and without, of a server that forgets after eight changes."""
    virtual.run(_lived(steps, ManualClock()))


async def _lived(steps: list[Any], clock: ManualClock) -> None:
    world = World()
    await world.api.start("web")
    readers = [Reflector(world, ALL, streaming=False), Reflector(world, RED, streaming=False),
               Reflector(world, ONE, streaming=True), Reflector(world, RED, streaming=True)]  # fmt: skip
    for step in steps:
        await _step(world, readers, step)
    for reader in readers:
        while True:
            await reader.read(20)
            if reader.stream is not None and reader.pending is not None and not reader.pending.done():
                break
        if reader.held != world.at(world.api.store.revision, reader.query):
            raise AssertionError(f"{reader.query} ended with {reader.held} at {reader.revision}")
        await reader.leave()


async def _step(world: World, readers: list[Reflector], step: tuple[Any, ...]) -> None:
    match step:
        case ("write", name, color):
            await world.write(name, color)
        case ("burst", count):
            for number in range(count):
                await world.write("abcde"[number % 5], ("red", "blue")[number % 2])
        case ("read", number, events):
            await readers[number].read(events)
        case ("leave", number):
            await readers[number].leave()
        case ("list", number, busy):
            await readers[number].leave()
            await readers[number].list((lambda: world.write("b", "blue")) if busy else None)
            readers[number].check()
        case ("wait",):
            await asyncio.sleep(MINUTE_S)


async def test_the_rest_of_a_list_that_is_too_old():
    """Between two pages the server forgets: 410 with a token for the rest as it is now, which needs no new beginning."""
    world = World()
    api = await world.api.start("web")
    for name in "abcd":
        await world.write(name, "red")
    _, first = await api.ask("GET", f"{MAPS}?limit=2")
    for _ in range(5):
        for name in "bd":
            await world.write(name, "blue")
    await world.write("c", "")
    code, refusal = await api.ask("GET", f"{MAPS}?limit=2&continue={first['metadata']['continue']}")
    _, rest = await api.ask("GET", f"{MAPS}?limit=2&continue={refusal['metadata']['continue']}")

    assert (410, "Expired") == (code, refusal["reason"])
    assert "use the continue token in this response" in refusal["message"]
    assert (["a", "b"], ["d"]) == tuple([one["metadata"]["name"] for one in page["items"]] for page in (first, rest))
    assert str(api.store.revision) == rest["metadata"]["resourceVersion"]


@pytest.mark.parametrize(("inside", "code", "said"), [
    pytest.param({"v": "meta.k8s.io/v2", "rv": 5, "start": "a"}, 400, 'server does not recognize this encoded version "meta.k8s.io/v2"', id="version"),
    pytest.param({"v": "meta.k8s.io/v1", "rv": 0, "start": "a"}, 400, "incorrect encoded start resourceVersion (version meta.k8s.io/v1)", id="no state"),
    pytest.param({"v": "meta.k8s.io/v1", "rv": 5, "start": ""}, 400, "encoded start key empty (version meta.k8s.io/v1)", id="no key"),
    pytest.param({"v": "meta.k8s.io/v1", "rv": 10**9, "start": "a"}, 504, "Too large resource version", id="a state to come"),
    pytest.param([], 400, "continue key is not valid", id="no object"),
])
async def test_tokens_that_nobody_gave(api, inside, code, said):
    """A client makes its own `continue`: it is told what is wrong with it."""
    token = base64.urlsafe_b64encode(orjson.dumps(inside)).decode().rstrip("=")
    found, refusal = await api.ask("GET", f"{MAPS}?limit=2&continue={token}")

    assert (code, True) == (found, said in refusal["message"])

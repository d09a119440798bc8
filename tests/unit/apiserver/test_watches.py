"""Watches: what a client is told, in which order, and how they end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from tests.unit.apiserver.asking import MERGE, Asker

MAPS = "/api/v1/namespaces/web/configmaps"


async def events(api: Asker, query: str, count: int, **headers: str) -> list[Any]:
    """Open a watch and read this many events."""
    answer = await api.call("GET", f"{MAPS}?watch=1&{query}", **headers)
    assert answer.stream is not None, answer.body
    found: list[Any] = []
    async with asyncio.timeout(5):
        async for chunk in answer.stream:
            found += [orjson.loads(line) for line in chunk.splitlines()]
            if len(found) >= count:
                break
    await answer.stream.aclose()  # type: ignore[attr-defined]
    return found


def told(found: list[Any]) -> list[tuple[str, str]]:
    return [(event["type"], event["object"]["metadata"].get("name", "")) for event in found]


async def test_a_watch_without_a_revision_starts_with_what_is_there(api):
    """Two objects are there, a third comes: all three are ADDED."""
    await api.make(MAPS, {"metadata": {"name": "a"}})
    await api.make(MAPS, {"metadata": {"name": "b"}})
    watching = asyncio.ensure_future(events(api, "", 3))
    await asyncio.sleep(0)
    await api.make(MAPS, {"metadata": {"name": "c"}})

    assert [("ADDED", "a"), ("ADDED", "b"), ("ADDED", "c")] == told(await watching)


async def test_a_watch_from_a_revision_tells_what_came_after(api):
    """Created, changed, deleted since the list: three events, the last in its last state with the deletion's revision."""
    since = (await api.make(MAPS, {"metadata": {"name": "a"}}))["metadata"]["resourceVersion"]
    await api.ask("PATCH", f"{MAPS}/a", {"data": {"k": "v"}}, content_type=MERGE)
    await api.ask("DELETE", f"{MAPS}/a")
    found = await events(api, f"resourceVersion={since}", 2)

    assert [("MODIFIED", "a"), ("DELETED", "a")] == told(found)
    assert {"k": "v"} == found[1]["object"]["data"]
    revisions = [int(event["object"]["metadata"]["resourceVersion"]) for event in found]
    assert revisions == sorted(set(revisions))


async def test_a_selector_sees_objects_come_and_go(api):
    """A label changes from 1 to 2 and back: DELETED in the old state, ADDED again. Source: the recorded watches."""
    since = (await api.make(MAPS, {"metadata": {"name": "a", "labels": {"w": "1"}}}))["metadata"]["resourceVersion"]
    for value in ("2", "1"):
        await api.ask("PATCH", f"{MAPS}/a", {"metadata": {"labels": {"w": value}}}, content_type=MERGE)
    found = await events(api, f"resourceVersion={since}&labelSelector=w%3D1".replace("%3D", "="), 2)

    assert [("DELETED", "a"), ("ADDED", "a")] == told(found)
    assert "1" == found[0]["object"]["metadata"]["labels"]["w"]


async def test_a_streamed_list_says_where_it_ends(api):
    """sendInitialEvents: the objects, then a bookmark that bears the annotation."""
    await api.make(MAPS, {"metadata": {"name": "a"}})
    query = "allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
    found = await events(api, query, 2)

    assert [("ADDED", "a"), ("BOOKMARK", "")] == told(found)
    assert {"k8s.io/initial-events-end": "true"} == found[1]["object"]["metadata"]["annotations"]


async def test_bookmarks_come_on_the_minute_and_before_the_end(api):
    """Nothing happens for a while: the client learns that its revision is still good."""
    answer = await api.call("GET", f"{MAPS}?watch=1&allowWatchBookmarks=true&timeoutSeconds=1")
    assert answer.stream is not None
    found = [orjson.loads(chunk) async for chunk in answer.stream]

    assert ["BOOKMARK"] == [event["type"] for event in found]
    assert str(api.store.revision) == found[0]["object"]["metadata"]["resourceVersion"]


async def test_a_revision_that_is_forgotten_is_expired():
    """The log reaches back ten changes only: 410 as an event, so that the client lists again."""
    from knarr.store.memory import open_memory

    api = await Asker(store=open_memory(changes_max=10)).start("web")
    for number in range(20):
        await api.make(MAPS, {"metadata": {"name": f"n{number}"}})
    (found,) = await events(api, "resourceVersion=2", 1)

    assert ("ERROR", 410, "Expired") == (found["type"], found["object"]["code"], found["object"]["reason"])


async def test_partial_objects_and_tables_are_watched_too(api):
    """Dashboards watch metadata only; `kubectl get -w` watches tables."""
    await api.make(MAPS, {"metadata": {"name": "a"}, "data": {"k": "v"}})
    (partial,) = await events(api, "", 1, accept="application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io")
    (table,) = await events(api, "", 1, accept="application/json;as=Table;v=v1;g=meta.k8s.io")

    assert "PartialObjectMetadata" == partial["object"]["kind"]
    assert "data" not in partial["object"]
    assert ["a", 1] == table["object"]["rows"][0]["cells"][:2]


async def test_watchers_of_one_form_share_the_bytes(api):
    """Ten watchers, one change: it is encoded once."""
    answers = [await api.call("GET", f"{MAPS}?watch=1&resourceVersion={api.store.revision}") for _ in range(10)]
    streams: list[AsyncIterator[bytes]] = [answer.stream for answer in answers if answer.stream is not None]
    reading = [asyncio.ensure_future(anext(stream)) for stream in streams]
    await asyncio.sleep(0)
    await api.make(MAPS, {"metadata": {"name": "a"}})
    chunks = await asyncio.gather(*reading)

    assert 1 == len({id(chunk) for chunk in chunks})
    api.server.watcher.close()
    assert [] == [chunk for stream in streams async for chunk in stream]
    assert 0 == api.server.watcher.open().total()


@pytest.mark.parametrize(("query", "code"), [
    pytest.param("sendInitialEvents=true", 422, id="initial events without a match"),
    pytest.param("resourceVersionMatch=Exact&resourceVersion=1", 422, id="a match without initial events"),
    pytest.param("resourceVersion=x", 400, id="no number"),
    pytest.param("resourceVersion=99999", 504, id="from the future"),
    pytest.param("timeoutSeconds=x", 400, id="no seconds"),
    pytest.param("fieldSelector=spec.nope=1", 400, id="unknown field"),
])
async def test_bad_watches_are_refused_at_once(api, query, code):
    """The refusal is an answer, not an event."""
    assert code == (await api.ask("GET", f"{MAPS}?watch=1&{query}"))[0]

"""A copy that follows the server through cut watches, lost history and refusals."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable

import pytest

from knarr.api import errors, kinds
from knarr.api.http import Answer
from knarr.api.types.core_v1 import ConfigMap, Pod
from knarr.api.types.meta_v1 import ObjectMeta
from knarr.base import virtual
from knarr.base.clock import ManualClock
from knarr.base.rng import Rng
from knarr.client.client import Client
from knarr.client.informer import RETRY, Informer
from knarr.client.informers import Informers
from knarr.client.stream import watch_batches
from knarr.client.transport import InProcess
from tests.unit.fake_api import FakeApi


def config_map(name: str, **data: str) -> dict[str, object]:
    meta = {"namespace": "d", "name": name, "uid": name}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


Story = Callable[[FakeApi, Informer[ConfigMap], list[str]], Awaitable[None]]


def follow(story: Story) -> list[str]:
    """Run a story beside an informer of ConfigMaps; return what its handler was told."""
    clock = ManualClock()

    async def program() -> list[str]:
        api, told = FakeApi(), []
        api.put(config_map("first", a="1"))
        informer = Informer(Client(InProcess(api.handle)), ConfigMap, clock=clock, rng=Rng(1))
        informer.on_change(lambda old, new: told.append(f"{old and old.data}>{new and new.data}"))
        async with asyncio.TaskGroup() as group:
            task = group.create_task(informer.run())
            await informer.wait_synced()
            await story(api, informer, told)
            task.cancel()
        return told

    return virtual.run(program(), clock)


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_it_lists_then_follows():
    """One object is there; one comes, changes, and goes."""
    async def story(api, informer, told):
        api.put(config_map("second"))
        await settle()
        assert informer.get("d", "second") is not None
        api.put(config_map("second", b="2"))
        api.drop("configmaps", "d", "second")
        await settle()
        assert [("d", "first")] == list(informer.objects)
        assert api.revision == informer.version

    assert ["None>{'a': '1'}", "None>{}", "{}>{'b': '2'}", "{'b': '2'}>None"] == follow(story)


def test_it_lists_again_when_history_is_gone():
    """While the watch is cut, an object goes, another comes, and the server forgets its log."""
    async def story(api, informer, told):
        api.drop("configmaps", "d", "first")
        api.put(config_map("other"))
        api.compact()
        await asyncio.sleep(5)
        assert [("d", "other")] == list(informer.objects)

    assert ["None>{'a': '1'}", "{'a': '1'}>None", "None>{}"] == follow(story)


def test_refusals_are_retried_with_backoff():
    """The server answers 503 for a minute, then heals; the informer has missed nothing and asked once in a while."""
    async def story(api, informer, told):
        api.refuse = lambda call: errors.Unavailable("starting")
        api.cut_watches()
        calls = len(api.calls)
        await asyncio.sleep(60)
        doubling, capped = 6, math.ceil(60 / (RETRY.cap_s / 2))     # waits are drawn from the upper half
        assert 0 < len(api.calls) - calls <= doubling + capped
        api.refuse = lambda call: None
        api.put(config_map("late"))
        await asyncio.sleep(RETRY.cap_s)
        assert informer.get("d", "late") is not None

    follow(story)


def test_indexes_follow_changes():
    """Objects are found by a value of theirs, before and after it changes, and not after they go."""
    async def story(api, informer, told):
        informer.index("letter", lambda obj: obj.data)
        assert ["first"] == [obj.metadata.name for obj in informer.by("letter", "a")]
        api.put(config_map("first", b="2"))
        await settle()
        assert [] == list(informer.by("letter", "a"))
        assert 1 == len(informer.by("letter", "b"))
        api.drop("configmaps", "d", "first")
        await settle()
        assert 0 == len(informer.by("letter", "b"))

    follow(story)


def test_a_handler_can_leave():
    """A controller is started anew: what it had left with the informer is called no more."""
    async def story(api, informer, told):
        heard = []
        stop = informer.on_change(lambda old, new: heard.append(new))
        stop()
        api.put(config_map("second"))
        await settle()
        assert 1 == len(heard)

    follow(story)


def test_a_bug_in_a_handler_stops_the_informer():
    """A handler asserts what is not so: nothing between catches it."""
    def handler(old, new):
        assert old is not None, "a handler's bug"

    async def story(api, informer, told):
        informer.on_change(lambda old, new: old is None or handler(old, new))
        informer.on_batch(lambda: handler(None, None))
        api.put(config_map("second"))
        await asyncio.sleep(1)

    with pytest.raises(ExceptionGroup) as raised:
        follow(story)
    assert raised.group_contains(AssertionError, match="a handler's bug")


def test_one_informer_per_kind_is_shared():
    """Two components ask for the same kind, a third for its metadata alone, one of them late."""
    async def program() -> None:
        api = FakeApi()
        api.put(config_map("one"))
        informers = Informers(Client(InProcess(api.handle)), clock=ManualClock(), rng=Rng(1))
        assert informers.of(ConfigMap) is informers.of(ConfigMap)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(informers.run())
            await informers.wait_synced()
            thin = informers.metadata_of(kinds.of(ConfigMap))
            await thin.wait_synced()
            assert "one" == next(iter(thin.all())).metadata.name
            task.cancel()

    virtual.run(program())


@pytest.mark.parametrize("size", [1, 7, 1000], ids=["bytes come singly", "events are cut", "all at once"])
def test_events_are_whole_however_the_bytes_come(size):
    """A proxy cuts the stream anywhere; the last event is the server's refusal, which no Pod struct fits."""
    status = b'{"kind":"Status","status":"Failure","reason":"Expired","code":410,"message":"old"}'
    raw = (b'{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n'
           b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"7"}}}\n'
           b'{"object":' + status + b',"type":"ERROR"}\n')

    async def chunks():
        for start in range(0, len(raw), size):
            yield raw[start: start + size]

    async def program() -> list[str]:
        seen: list[str] = []

        async def read() -> None:
            async for batch in watch_batches(Pod, chunks()):
                seen.extend(event.type for event in batch)

        with pytest.raises(errors.Expired, match="old"):
            await read()
        return seen

    assert virtual.run(program()) in (["ADDED", "BOOKMARK"], [])


def test_verbs_speak_structs_and_raise_refusals():
    """Create, read, patch, replace and delete one object; what is refused comes as the error it is."""
    async def program() -> None:
        api = FakeApi()
        client = Client(InProcess(api.handle))
        made = await client.create(ConfigMap(metadata=ObjectMeta(namespace="d", generateName="x-"), data={"a": "1"}))
        name = made.metadata.name or ""
        with pytest.raises(errors.AlreadyExists):
            await client.create(made)
        patched = await client.patch(ConfigMap, "d", name, patch={"data": {"a": None, "b": "2"}})
        assert {"b": "2"} == patched.data
        with pytest.raises(errors.Conflict):
            await client.update(made)
        assert patched == await client.get(ConfigMap, "d", name)
        with pytest.raises(errors.Conflict):
            await client.delete(ConfigMap, "d", name, uid="another")
        await client.delete(kinds.of(ConfigMap), "d", name, uid=made.metadata.uid)
        with pytest.raises(errors.NotFound):
            await client.get(ConfigMap, "d", name)

    virtual.run(program())


def test_a_refusal_without_a_status_keeps_its_text():
    """A proxy in between answers 502 with a page of its own."""
    async def handler(call):
        return Answer(502, b"Bad gateway")

    async def program() -> None:
        with pytest.raises(errors.ApiError, match="Bad gateway"):
            await Client(InProcess(handler)).get(Pod, "d", "x")

    virtual.run(program())

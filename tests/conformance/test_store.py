"""Every store driver keeps the same promises; one suite runs over all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from knarr.store.engine import PENDING_MAX, Engine
from knarr.store.face import (
    AlreadyThere,
    Among,
    Compacted,
    Crossed,
    Draft,
    Entry,
    Gone,
    Order,
    Overrun,
    Stale,
    StoreUnavailable,
    Watch,
)
from knarr.store.memory import open_memory
from knarr.store.sqlite import open_sqlite

Open = Callable[..., Engine]


def draft(text: str = "") -> Draft:
    return Draft(b'{"metadata":{"resourceVersion":"', b'"},"text":"' + text.encode() + b'"}')


def pod(name: str, namespace: str = "default") -> str:
    return f"/core/pods/{namespace}/{name}"


@pytest.fixture(params=["memory", "sqlite"])
async def opener(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Open]:
    opened: list[Engine] = []

    def open_one(**bounds: int) -> Engine:
        if request.param == "memory":
            opened.append(open_memory(**bounds))
        else:
            opened.append(open_sqlite(tmp_path / f"{len(opened)}" / "state.db", **bounds))
        return opened[-1]

    yield open_one
    for store in opened:
        await store.close()


@pytest.fixture
def store(opener: Open) -> Engine:
    return opener()


async def test_insert_joins_the_revision_into_the_bytes(store: Engine) -> None:
    """The document a client reads must say the revision that the store gave it."""
    entry = await store.insert(pod("web"), draft("hello"))

    assert str(entry.revision) == entry.obj["metadata"]["resourceVersion"]
    assert entry.revision == entry.created_revision == store.revision
    assert entry == store.get(pod("web"))


async def test_insert_twice_is_refused(store: Engine) -> None:
    """Two clients create the same pod; the second is told what the first one stored."""
    first = await store.insert(pod("web"), draft("first"))

    with pytest.raises(AlreadyThere) as refused:
        await store.insert(pod("web"), draft("second"))

    assert first == refused.value.stored


async def test_many_inserts_of_one_key_in_one_batch(store: Engine) -> None:
    """Fifty clients create the same pod in the same instant; one wins, all others see its object."""
    results = await asyncio.gather(
        *(store.insert(pod("web"), draft(str(n))) for n in range(50)), return_exceptions=True)

    lost = [result for result in results if isinstance(result, AlreadyThere)]
    assert 49 == len(lost)
    assert {store.get(pod("web"))} == {result.stored for result in lost}


async def test_replace_compares_the_revision(store: Engine) -> None:
    """A writer from an old state loses and learns the new one."""
    old = await store.insert(pod("web"), draft("old"))
    new = await store.replace(pod("web"), draft("new"), expect=old.revision)

    with pytest.raises(Stale) as refused:
        await store.replace(pod("web"), draft("late"), expect=old.revision)

    assert new == refused.value.stored
    assert old.revision == new.created_revision
    assert "new" == store.get(pod("web")).obj["text"]


async def test_counters_lose_nothing(store: Engine) -> None:
    """Twenty clients add one to the same number, each retrying on conflict: the sum is exact."""
    await store.insert(pod("counter"), draft("0"))

    async def add_one() -> None:
        while True:
            entry = store.get(pod("counter"))
            try:
                await store.replace(pod("counter"), draft(str(int(entry.obj["text"]) + 1)), expect=entry.revision)
            except Stale:
                continue
            return

    await asyncio.gather(*(add_one() for _ in range(20)))

    assert "20" == store.get(pod("counter")).obj["text"]


async def test_remove_shows_the_last_state_with_the_deletions_revision(store: Engine) -> None:
    """Watchers of a deletion see the whole last object, and may resume from its revision."""
    entry = await store.insert(pod("web"), draft("last words"))
    gone = await store.remove(pod("web"), expect=entry.revision)

    assert gone.revision == store.revision > entry.revision
    assert str(gone.revision) == gone.obj["metadata"]["resourceVersion"]
    assert "last words" == gone.obj["text"]
    assert store.get(pod("web")) is None


async def test_remove_may_bring_its_own_last_state(store: Engine) -> None:
    """The write that takes the last finalizer away also deletes: DELETED shows the object without it."""
    entry = await store.insert(pod("web"), draft("with finalizer"))
    gone = await store.remove(pod("web"), expect=entry.revision, last=draft("without"))

    assert "without" == gone.obj["text"]


async def test_writes_to_what_is_not_there(store: Engine) -> None:
    """Replacing and removing need something to replace and remove."""
    with pytest.raises(Gone):
        await store.replace(pod("web"), draft(), expect=1)
    with pytest.raises(Gone):
        await store.remove(pod("web"), expect=1)


async def test_what_goes_together_is_one_change(store: Engine) -> None:
    """A quota and two pods: all are shown in one moment, with revisions in a row."""
    quota = await store.insert(pod("quota"), draft("0"))
    watch = store.watch("/", since=quota.revision)
    entries = await store.write_all(
        [Order(pod("quota"), draft("2"), quota.revision), Order(pod("a"), draft()), Order(pod("b"), draft())])

    assert [pod("quota"), pod("a"), pod("b")] == [entry.key for entry in entries]
    assert [quota.revision + n for n in (1, 2, 3)] == [entry.revision for entry in entries]
    assert [("MODIFIED", entries[0]), ("ADDED", entries[1]), ("ADDED", entries[2])] == [
        (change.kind, change.entry) for change in await anext(watch)]
    assert list(entries) == [store.get(entry.key) for entry in entries]


@pytest.mark.parametrize(("key", "expect", "fault"), [
    pytest.param("there", 0, AlreadyThere, id="exists"),
    pytest.param("there", 1, Stale, id="has changed"),
    pytest.param("nowhere", 7, Gone, id="is gone"),
])
async def test_what_goes_together_is_refused_together(
    store: Engine, key: str, expect: int, fault: type[Crossed],
) -> None:
    """One of three cannot be written: none is, and the refusal names the one."""
    there = await store.insert(pod("there"), draft("as it was"))
    with pytest.raises(fault) as refused:
        await store.write_all([Order(pod("a"), draft()), Order(pod(key), draft("new"), expect), Order(pod("b"), draft())])

    assert pod(key) == refused.value.key
    assert ([there], there.revision) == (store.list("/").entries, store.revision)


async def test_what_goes_together_waits_for_what_is_under_way(store: Engine) -> None:
    """Twenty clients each move one from a number to another, retrying: the sum stays, whatever a reader sees."""
    await store.insert(pod("left"), draft("20"))
    await store.insert(pod("right"), draft("0"))

    async def move_one() -> None:
        while True:
            left, right = store.get(pod("left")), store.get(pod("right"))
            numbers = [int(entry.obj["text"]) for entry in (left, right)]
            assert 20 == sum(numbers)
            try:
                await store.write_all([Order(pod("left"), draft(str(numbers[0] - 1)), left.revision),
                                       Order(pod("right"), draft(str(numbers[1] + 1)), right.revision)])
            except Stale:
                continue
            return

    await asyncio.gather(*(move_one() for _ in range(20)))

    assert ["0", "20"] == [store.get(pod(name)).obj["text"] for name in ("left", "right")]


async def test_list_is_ordered_paged_and_counted(store: Engine) -> None:
    """Pages of two over five pods: each starts behind the last key of the one before."""
    await asyncio.gather(*(store.insert(pod(name), draft()) for name in "ecabd"))
    await store.insert(pod("other", "kube-system"), draft())
    await store.insert("/core/podtemplates/default/x", draft())

    first = store.list("/core/pods/default/", limit=2)
    second = store.list("/core/pods/default/", limit=2, after=first.entries[-1].key)
    third = store.list("/core/pods/default/", limit=2, after=second.entries[-1].key)

    assert ["ab", "cd", "e"] == ["".join(e.key[-1] for e in page.entries) for page in (first, second, third)]
    assert [(True, 3), (True, 1), (False, 0)] == [(page.more, page.remaining) for page in (first, second, third)]
    assert 6 == len(store.list("/core/pods/").entries)
    assert 7 == len(store.list("/").entries)
    assert [] == store.list("/apps/").entries


async def test_an_old_list_is_rebuilt(store: Engine) -> None:
    """A client pages through a list while others write: all its pages show the state of the first."""
    entries = [await store.insert(pod(name), draft("old")) for name in "abcd"]
    then = store.revision
    await store.remove(pod("b"), expect=entries[1].revision)
    await store.replace(pod("c"), draft("new"), expect=entries[2].revision)
    await store.insert(pod("aa"), draft())

    old = store.list("/core/pods/", revision=then)
    paged = store.list("/core/pods/", revision=then, limit=1, after=pod("a"))

    assert entries == old.entries
    assert then == old.revision
    assert ([entries[1]], 2) == (paged.entries, paged.remaining)
    assert ["a", "aa", "c", "d"] == [entry.key.rpartition("/")[2] for entry in store.list("/core/pods/").entries]


async def test_watch_follows_from_a_revision(store: Engine) -> None:
    """An informer lists, then watches from the list's revision: it misses nothing and sees nothing twice."""
    await store.insert(pod("seen"), draft())
    since = store.list("/core/pods/").revision
    missed = await store.insert(pod("missed"), draft())
    watch = store.watch("/core/pods/", since=since)
    live = await store.insert(pod("live"), draft())
    await store.insert("/core/services/default/not-a-pod", draft())

    first, second = await anext(watch), await anext(watch)

    assert [("ADDED", missed, None)] == [(c.kind, c.entry, c.previous) for c in first]
    assert [("ADDED", live, None)] == [(c.kind, c.entry, c.previous) for c in second]
    assert store.revision == watch.progress


@pytest.mark.parametrize(("prefix", "seen"), [
    pytest.param("/", ["a", "b", "s"], id="everything"),
    pytest.param("/core/", ["a", "b", "s"], id="a group"),
    pytest.param("/core/pods/", ["a", "b"], id="a kind"),
    pytest.param("/core/pods/one/", ["a"], id="a namespace"),
    pytest.param("/core/pods/two/b", ["b"], id="one object"),
    pytest.param("/apps/", [], id="another group"),
])
async def test_watch_scopes(store: Engine, prefix: str, seen: list[str]) -> None:
    """A watch sees what lies under its prefix, from the log and live alike."""
    since = store.revision
    live = store.watch(prefix, since=since)
    await asyncio.gather(
        store.insert(pod("a", "one"), draft()), store.insert(pod("b", "two"), draft()),
        store.insert("/core/services/one/s", draft()))
    late = store.watch(prefix, since=since)

    assert seen == await names(live)
    assert seen == await names(late)


async def names(watch: Watch) -> list[str]:
    """Return the last letters of what the watch has to tell by now."""
    seen: list[str] = []
    while True:
        try:
            async with asyncio.timeout(0):
                seen += [change.entry.key[-1] for change in await anext(watch)]
        except TimeoutError:
            return seen


async def test_a_watch_tells_every_kind_of_change(store: Engine) -> None:
    """Created, changed, deleted: the previous state comes along, for selectors to tell who entered or left."""
    watch = store.watch("/core/pods/", since=store.revision)
    one = await store.insert(pod("web"), draft("1"))
    two = await store.replace(pod("web"), draft("2"), expect=one.revision)
    three = await store.remove(pod("web"), expect=two.revision)

    changes = [change for _ in range(3) for change in await anext(watch)]

    assert [("ADDED", one, None), ("MODIFIED", two, one), ("DELETED", three, two)] == [
        (change.kind, change.entry, change.previous) for change in changes]


async def test_a_watch_among_others_hears_only_what_concerns_it(store: Engine) -> None:
    """The pods of two nodes: one moves from here to there, which both hear; what was before the watch comes, too."""
    read: list[str] = []

    def node(entry: Entry) -> str:
        read.append(entry.key)
        return str(entry.obj["text"])

    first = await store.insert(pod("a"), draft("here"))
    here, there, nowhere = (
        store.watch("/core/pods/", since=first.revision - 1, among=Among(node, text)) for text in ("here", "there", "x"))
    read.clear()
    await store.insert(pod("b"), draft("there"))
    await store.replace(pod("a"), draft("there"), expect=first.revision)
    assert [pod("b"), pod("a"), pod("a")] == read  # once for all watches, and the state before

    assert [["a"], ["a"]] == [[change.entry.key[-1] for change in await anext(here)] for _ in range(2)]
    assert [["b"], ["a"]] == [[change.entry.key[-1] for change in await anext(there)] for _ in range(2)]
    assert store.revision == nowhere.progress
    for watch in (here, there, nowhere):
        watch.close()
    read.clear()
    await store.remove(pod("b"), expect=first.revision + 1)
    assert [] == read


async def test_a_closed_watch_ends(store: Engine) -> None:
    """The client hangs up while the watch waits: the waiting reader comes to an end."""
    watch = store.watch("/core/pods/", since=store.revision)
    reader = asyncio.ensure_future(anext(watch, None))
    await asyncio.sleep(0)
    watch.close()

    assert await reader is None


async def test_waiting_for_a_batch_can_be_cancelled(store: Engine) -> None:
    """The server gives up waiting to send a bookmark, then waits again: no change is lost in between."""
    watch = store.watch("/core/pods/", since=store.revision)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await anext(watch)
    entry = await store.insert(pod("web"), draft())

    assert entry == (await anext(watch))[0].entry


async def test_a_slow_watcher_is_cut(opener: Open) -> None:
    """A reader that never reads is cut at the bound; the others go on."""
    store = opener(backlog_max=3)
    slow = store.watch("/core/pods/", since=store.revision)
    quick = store.watch("/core/pods/", since=store.revision)
    for n in range(4):
        await store.insert(pod(f"p{n}"), draft())
        await anext(quick)

    with pytest.raises(Overrun):
        await anext(slow)


@pytest.mark.parametrize("bounds", [
    pytest.param({"changes_max": 8}, id="too many changes"),
    pytest.param({"bytes_max": 4000}, id="too many bytes"),
])
async def test_the_log_forgets_and_says_so(opener: Open, bounds: dict[str, int]) -> None:
    """A client comes back after long: its revision is forgotten; it must list again, not miss changes."""
    store = opener(**bounds)
    start = store.revision
    entry = await store.insert(pod("web"), draft("x" * 200))
    for _ in range(20):
        entry = await store.replace(pod("web"), draft("x" * 200), expect=entry.revision)

    with pytest.raises(Compacted) as refused:
        store.watch("/", since=start)
    with pytest.raises(Compacted):
        store.list("/", revision=start)

    assert store.oldest == refused.value.oldest > start
    assert store.revision - store.oldest == len(await anext(store.watch("/", since=store.oldest)))


async def test_more_writers_than_places(store: Engine) -> None:
    """Half as many writers again as may be under way: the rest wait, and all are served."""
    count = PENDING_MAX + PENDING_MAX // 2
    await asyncio.gather(*(store.insert(pod(f"p{n}"), draft()) for n in range(count)))

    assert count == len(store.list("/core/pods/").entries)


async def test_a_cancelled_writer_harms_nobody(store: Engine) -> None:
    """A client hangs up while its write is under way; another client waits for the same key and gets an answer."""
    first = asyncio.ensure_future(store.insert(pod("web"), draft("first")))
    second = asyncio.ensure_future(store.insert(pod("web"), draft("second")))
    await asyncio.sleep(0)
    first.cancel()

    with pytest.raises(AlreadyThere):
        await second


async def test_close_finishes_what_is_under_way(store: Engine) -> None:
    """The server stops in the middle of a burst: begun writes are answered, later ones refused."""
    writes = [asyncio.ensure_future(store.insert(pod(f"p{n}"), draft())) for n in range(100)]
    await asyncio.sleep(0)
    await store.close()

    assert 100 == len(await asyncio.gather(*writes))
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.insert(pod("late"), draft())

"""Say what a store is: keys and bytes with revisions, and the refusals it can give.

    StoreError
    ├── Crossed           what lies under the key is not what the write was made for
    │   ├── AlreadyThere  insert: the key exists               read it, or choose another key
    │   ├── Gone          replace, remove: no such key         stop
    │   └── Stale         replace, remove: revision moved on   read again and decide again
    ├── Compacted         watch, list: revision too old        list again
    ├── Overrun           watch: the reader is too slow        list again
    ├── StoreUnavailable  the disk refused the write           retry with backoff; nothing was changed
    ├── StoreDamaged      open: the file is not sound          run the repair command it names
    └── StoreOwned        open: another process has it         stop that process

Keys are `/<group or "core">/<plural>/<namespace or "-">/<name>`. Values are whole JSON documents that carry their own
revision.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

import msgspec
import orjson

ChangeKind = Literal["ADDED", "MODIFIED", "DELETED"]


class Draft(msgspec.Struct, frozen=True, gc=False):
    """A value that lacks its revision: the sequencer joins `before + b"123" + after`."""

    before: bytes
    after: bytes


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One stored value. It costs little more than its bytes: the parsed form is not kept.

    revision: of the last write. created_revision: of the insert.
    revision_at: where in `value` the revision's digits start.
    """

    key: str
    value: bytes
    revision: int
    created_revision: int
    revision_at: int

    @property
    def obj(self) -> dict[str, Any]:
        """Parse the value. Every call parses anew, so the caller may change what it gets."""
        parsed: dict[str, Any] = orjson.loads(self.value)
        return parsed


class Change(msgspec.Struct, frozen=True, gc=False):
    """What one write did. A DELETED entry holds the last state, with the deletion's revision in it."""

    kind: ChangeKind
    entry: Entry
    previous: Entry | None


class Page(msgspec.Struct, frozen=True):
    """Part of a list, in key order.

    revision: the state it shows. more: entries follow after the last one. remaining: how many.
    """

    entries: list[Entry]
    revision: int
    more: bool = False
    remaining: int = 0


class Among(msgspec.Struct, frozen=True):
    """What a watch is about: entries with one text, such as the pods of one node.

    read: returns an entry's text. All watches that go by the same text share this one function, so that a change is
    read once for all of them, and wakes only those whose text the entry has or had before.
    """

    read: Callable[[Entry], str]
    text: str


class Watch(Protocol):
    """Changes under one prefix, in order, in batches: `async for changes in watch`.

    Cancelling a wait for the next batch loses nothing. Raises Overrun when the reader was cut; ends when the store
    closes.
    """

    @property
    def progress(self) -> int:
        """Return a revision up to which every change has been handed out (for bookmarks)."""

    def __aiter__(self) -> Watch:
        """Return itself."""

    async def __anext__(self) -> tuple[Change, ...]:
        """Return the next batch, never an empty one."""

    def finish(self) -> None:
        """End the iteration once all that has happened up to now has been read."""

    def close(self) -> None:
        """Stop; a waiting reader's iteration ends."""


class Order(msgspec.Struct, frozen=True):
    """One write of several that go together: an insert where `expect` is 0, else the replacement of that revision."""

    key: str
    draft: Draft
    expect: int = 0


class Store(Protocol):
    """Revisions, compare-and-swap and a watch log over keys and bytes.

    A write returns only when it is durable; readers and watchers see it only then. Reads never wait.
    """

    @property
    def revision(self) -> int:
        """Return the newest revision shown to readers. It never goes backwards, restarts included."""

    @property
    def oldest(self) -> int:
        """Return the oldest revision from which `watch` and `list` can still answer."""

    def get(self, key: str) -> Entry | None:
        """Return what is stored now."""

    def list(self, prefix: str, *, after: str = "", limit: int = 0, revision: int = 0) -> Page:
        """Return entries under `prefix` in key order, those behind the key `after`, at most `limit` (0: all).

        revision: 0 is now; an older one is rebuilt from the log, or Compacted.
        """

    async def insert(self, key: str, draft: Draft) -> Entry:
        """Store a new key; else AlreadyThere."""

    async def replace(self, key: str, draft: Draft, *, expect: int) -> Entry:
        """Overwrite the state whose revision is `expect`; else Gone or Stale."""

    async def write_all(self, orders: Sequence[Order]) -> tuple[Entry, ...]:
        """Carry out all of them or none, no key twice; else AlreadyThere, Gone or Stale for the first that cannot."""

    async def remove(self, key: str, *, expect: int, last: Draft | None = None) -> Entry:
        """Delete the state whose revision is `expect`; else Gone or Stale.

        last: the state that DELETED shall show; by default what is stored. Returns that entry, with the deletion's
        revision.
        """

    def watch(self, prefix: str, *, since: int, among: Among | None = None) -> Watch:
        """Follow the changes whose revision is above `since`; Compacted if some of them are forgotten.

        among: leaves out changes of entries that neither have nor had its text.
        """

    async def close(self) -> None:
        """Finish the writes under way, end the watches, let go of the disk."""


class StoreError(Exception):
    """Any refusal of the store."""


class Crossed(StoreError):
    """What lies under `key` is not what the write was made for."""

    def __init__(self, key: str, told: str) -> None:
        super().__init__(f"{key} {told}")
        self.key = key


class AlreadyThere(Crossed):
    """The key to insert exists: `stored`."""

    def __init__(self, stored: Entry) -> None:
        super().__init__(stored.key, f"already exists at revision {stored.revision}")
        self.stored = stored


class Gone(Crossed):
    """The key to change does not exist."""

    def __init__(self, key: str) -> None:
        super().__init__(key, "does not exist")


class Stale(Crossed):
    """The caller wrote from an old revision; `stored` is the state now."""

    def __init__(self, stored: Entry, expect: int) -> None:
        super().__init__(stored.key, f"is at revision {stored.revision} (expected {expect})")
        self.stored = stored


class Compacted(StoreError):
    """The log no longer reaches back to `asked`; `oldest` is as far as it goes."""

    def __init__(self, asked: int, oldest: int) -> None:
        super().__init__(f"revision {asked} is forgotten, the oldest known is {oldest}")
        self.asked = asked
        self.oldest = oldest


class Overrun(StoreError):
    """The reader of a watch fell too far behind and was cut."""

    def __init__(self, prefix: str, backlog: int) -> None:
        super().__init__(f"the watch of {prefix} fell more than {backlog} changes behind")


class StoreUnavailable(StoreError):
    """The disk refused a write, for `reason`. Nothing was changed; a later write tries the disk again."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the store cannot write: {reason}")
        self.reason = reason


class StoreDamaged(StoreError):
    """The database at `path` is not sound; `repair` is the command that mends it."""

    def __init__(self, path: str, reason: str, repair: str) -> None:
        super().__init__(f"{path} is damaged: {reason}; run: {repair}")
        self.path = path
        self.reason = reason
        self.repair = repair


class StoreOwned(StoreError):
    """A running process, `pid`, owns the data directory (0: it did not say)."""

    def __init__(self, path: str, pid: int) -> None:
        super().__init__(f"{path} is owned by the running process {pid}")
        self.pid = pid

"""Keep something in memory that follows from stored objects, by a watch of the store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NoReturn

from knarr.store.face import Change, Compacted, Entry, Overrun, Store


class Following(ABC):
    """What is known of the objects below a prefix. `load` once, then `run` for ever."""

    prefix: str

    def __init__(self, store: Store) -> None:
        self._store, self._seen = store, 0

    @abstractmethod
    def _clear(self) -> None:
        """Forget everything."""

    @abstractmethod
    def _put(self, entry: Entry) -> None:
        """Take an object in."""

    @abstractmethod
    def _drop(self, key: str) -> None:
        """Forget an object, known or not."""

    def load(self) -> None:
        """Read everything anew."""
        page = self._store.list(self.prefix)
        self._clear()
        for entry in page.entries:
            self._put(entry)
        self._seen = page.revision

    async def run(self) -> NoReturn:
        """Follow the store for ever."""
        while True:
            try:
                async for changes in self._store.watch(self.prefix, since=self._seen):
                    self._follow(changes)
            except (Compacted, Overrun):
                self.load()

    def _follow(self, changes: tuple[Change, ...]) -> None:
        for change in changes:
            self._drop(change.entry.key)
            if change.kind != "DELETED":
                self._put(change.entry)
            self._seen = change.entry.revision

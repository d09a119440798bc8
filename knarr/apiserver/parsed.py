"""Keep parsed what nearly every write asks for: namespaces, accounts, classes, limits.

Never stale: what is kept counts only for the very entry that it was parsed from. Bounded by number and size.
"""

from __future__ import annotations

from typing import Any

from knarr.store.face import Entry

ENTRIES_MAX = 256  # then all are forgotten: few namespaces are written to at one time
VALUE_BYTES_MAX = 16 << 10  # what is larger is parsed each time; with the other bound some 16 MiB at worst


class Parsed:
    """The objects of one server that were looked at of late."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Entry, dict[str, Any]]] = {}

    def of(self, entry: Entry) -> dict[str, Any]:
        """Return an entry's object. Others get the same one: it must not be changed, nor become part of another."""
        kept = self._kept.get(entry.key)
        if kept is not None and kept[0] is entry:
            return kept[1]
        obj = entry.obj
        if len(entry.value) <= VALUE_BYTES_MAX:
            if len(self._kept) >= ENTRIES_MAX:
                self._kept.clear()
            self._kept[entry.key] = (entry, obj)
        return obj

    def __len__(self) -> int:
        """Return how many objects are kept."""
        return len(self._kept)

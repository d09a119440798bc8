"""Remember what was worked out for things that come in many equal copies, such as the pods of one ReplicaSet. Pure.

What comes once is only marked: remembering it would cost more than it brings. From its second coming on it is kept,
and from the third on nothing is worked out any more.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")
BYTES_MAX = 8 << 10  # of a text worth remembering: what is larger seldom comes again
KEPT_MAX = 128  # things; with BYTES_MAX, a megabyte
MARKS_MAX = 4096  # hashes of what has come once


class Alike(Generic[T]):
    """What is known of some things. It is forgotten all at once when it grows too much."""

    __slots__ = ("_kept", "_marks")

    def __init__(self) -> None:
        self._kept: dict[Hashable, T] = {}
        self._marks: set[int] = set()

    def recall(self, thing: Hashable, work: Callable[[], T]) -> T | None:
        """Return what `work` finds for a thing that comes again; None for the first time, when it is not called.

        What it raises is raised each time. What it returns is shared: nobody may change it.
        """
        kept = self._kept.get(thing)
        if kept is not None:
            return kept
        mark = hash(thing)
        if mark not in self._marks:
            if len(self._marks) >= MARKS_MAX:
                self._marks.clear()
            self._marks.add(mark)
            return None
        if len(self._kept) >= KEPT_MAX:
            self._kept.clear()
        found = self._kept[thing] = work()
        return found

    def forget(self) -> None:
        """Know nothing any more."""
        self._kept.clear()
        self._marks.clear()

"""Keep the present state in memory, sorted: one sorted key list per bucket, a bucket being `/<group>/<plural>/`.

A list of a prefix costs what it returns, not what is stored; an insert moves only its own bucket's keys.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Mapping

from knarr.store.face import Change, Entry

LAST = "\U0010ffff"  # sorts behind every character a key may hold


def bucket_of(key: str) -> str:
    """Return `/<group>/<plural>/` of a key, or the whole of a shorter prefix.

    >>> bucket_of("/core/pods/default/web")
    '/core/pods/'
    >>> bucket_of("/core/")
    '/core/'
    """
    second = key.find("/", 1)
    third = key.find("/", second + 1) if second > 0 else -1
    return key[: third + 1] if third > 0 else key


class Image:
    """The entries by key, and each bucket's keys in order."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.entries: dict[str, Entry] = {entry.key: entry for entry in entries}
        self._keys: dict[str, list[str]] = {}
        for key in sorted(self.entries):
            self._keys.setdefault(bucket_of(key), []).append(key)
        self._buckets: list[str] = sorted(self._keys)

    def apply(self, change: Change) -> None:
        """Make one committed change visible."""
        key = change.entry.key
        if change.kind == "DELETED":
            del self.entries[key]
            self._forget(key)
            return
        if change.kind == "ADDED":
            self._remember(key)
        self.entries[key] = change.entry

    def page(
        self, prefix: str, *, after: str = "", limit: int = 0, overlay: Mapping[str, Entry | None] | None = None,
    ) -> tuple[list[Entry], int]:
        """Return the entries under `prefix` behind `after`, at most `limit` (0: all), and how many are left out.

        overlay: what differed at the wanted revision, all of it under the prefix (None: was not there).
        """
        bucket = self._keys.get(bucket_of(prefix))
        if bucket is not None and not (after or limit or overlay):  # most lists: all that there is now
            return [self.entries[key] for key in bucket[slice(*_span(bucket, prefix, ""))]], 0
        over = {key: entry for key, entry in (overlay or {}).items() if key > after}
        spans = [(keys, *_span(keys, prefix, after)) for keys in self._lists(prefix)]
        count = sum(high - low for _, low, high in spans)
        wanted = limit + len(over) if limit else count
        keys = _take(spans, wanted)
        found = [self.entries[key] for key in keys if key not in over]
        if over:
            there = sum(key in self.entries for key in over)
            added = [entry for entry in over.values() if entry is not None]
            found = sorted([*found, *added], key=lambda entry: entry.key)
            count += len(added) - there
        if limit:
            found = found[:limit]
        return found, count - len(found)

    def _lists(self, prefix: str) -> list[list[str]]:
        bucket = bucket_of(prefix)
        if bucket in self._keys:
            return [self._keys[bucket]]
        low = bisect_left(self._buckets, prefix)
        high = bisect_right(self._buckets, prefix + LAST)
        return [self._keys[name] for name in self._buckets[low:high]]

    def _remember(self, key: str) -> None:
        bucket = bucket_of(key)
        if bucket not in self._keys:
            self._keys[bucket] = []
            insort(self._buckets, bucket)
        insort(self._keys[bucket], key)

    def _forget(self, key: str) -> None:
        bucket = bucket_of(key)
        keys = self._keys[bucket]
        at = bisect_left(keys, key)
        assert keys[at] == key, f"{key} has an entry but no place"
        del keys[at]
        if not keys:
            del self._keys[bucket]
            del self._buckets[bisect_left(self._buckets, bucket)]


def _span(keys: list[str], prefix: str, after: str) -> tuple[int, int]:
    low = bisect_left(keys, prefix) if prefix > after else bisect_right(keys, after)
    return low, max(low, bisect_right(keys, prefix + LAST))


def _take(spans: list[tuple[list[str], int, int]], wanted: int) -> list[str]:
    taken: list[str] = []
    for keys, low, high in spans:
        taken += keys[low : min(high, low + wanted - len(taken))]
        if len(taken) >= wanted:
            break
    return taken

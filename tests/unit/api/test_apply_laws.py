"""Server-side apply of lists of items against a twin of sets: items come and go by who owns what of them, whatever the order of writes."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from knarr.api import apply, apply_shapes
from knarr.api import apply_sets as sets
from knarr.api.apply import Conflicting, Write

POD = apply_shapes.of_definition("core_v1.Pod")
Items = dict[str, dict[str, str]]
Owner = tuple[str, str]
Path = tuple[str, ...]  # ("a",) is the item a; ("a", "reason") a field of it
ITEMS = st.dictionaries(st.sampled_from("ab"), st.fixed_dictionaries({}, optional={"reason": st.sampled_from("xy"), "message": st.sampled_from("xy")}), max_size=2)
STEPS = st.lists(st.tuples(st.sampled_from(("apply", "force", "update")), st.sampled_from(("one", "two", "three")), ITEMS), max_size=7)


class Twin:
    """What there is of each item, and who owns which of its paths. An item's type is there as long as the item is."""

    def __init__(self) -> None:
        self.items: Items = {}
        self.owners: dict[Path, set[Owner]] = {}

    def apply(self, manager: str, wanted: Items, *, force: bool) -> set[tuple[Owner, Path]]:
        """Apply; return the conflicts, in which case nothing has changed."""
        me = (manager, "Apply")
        differs = {(name, key) for name, fields in wanted.items() for key, value in fields.items() if self.items.get(name, {}).get(key, value) != value}
        conflicts = {(owner, path) for path in differs for owner in self.owners.get(path, ()) if owner != me}
        if conflicts and not force:
            return conflicts
        claim = paths_of(wanted)
        left = [path for path, owners in self.owners.items() if me in owners and path not in claim]
        for path in claim:
            self.owners[path] = {me} if path in differs else self.owners.get(path, set()) | {me}
        for name, fields in wanted.items():
            self.items.setdefault(name, {}).update(fields)
        for path in left:
            self.owners[path].discard(me)
        for path in sorted(left, key=len, reverse=True):
            self._let_go(path)
        self._forget()
        return set()

    def _let_go(self, path: Path) -> None:
        """Take out what nobody owns any more; with an item its fields go, whosever they are."""
        if self.owners[path]:
            return
        if len(path) == 1:
            self.items.pop(path[0], None)
        elif path[1] != "type":
            self.items.get(path[0], {}).pop(path[1], None)

    def update(self, manager: str, wanted: Items) -> None:
        """Write the whole list over the old one."""
        me = (manager, "Update")
        for path in paths_of(self.items) - paths_of(wanted):
            self.owners.pop(path, None)
        for path in paths_of(wanted):
            new = path not in paths_of(self.items)
            if new or (len(path) == 2 and path[1] != "type" and self.items[path[0]][path[1]] != wanted[path[0]][path[1]]):
                self.owners[path] = {me}
        self.items = copy.deepcopy(wanted)
        self._forget()

    def _forget(self) -> None:
        there = paths_of(self.items)
        self.owners = {path: owners for path, owners in self.owners.items() if owners and path in there}


def paths_of(items: Items) -> set[Path]:
    """Return every path that a list of items has."""
    return {path for name, fields in items.items() for path in ((name,), (name, "type"), *((name, key) for key in fields))}


def pod(items: Items) -> dict[str, Any]:
    """A pod with these conditions; without any status where there are none."""
    status = {"conditions": [{"type": name, **fields} for name, fields in items.items()]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"made": "so"}}, **({"status": status} if items else {})}


def applied_pod(items: Items) -> dict[str, Any]:
    """The same, without the label that belongs to whoever made the pod."""
    return {**pod(items), "metadata": {"name": "p"}}


def items_of(obj: dict[str, Any]) -> Items:
    """Read the conditions."""
    return {one["type"]: {key: value for key, value in one.items() if key != "type"} for one in (obj.get("status") or {}).get("conditions") or ()}


def plain(path: Any) -> Path:
    """Write a path of the trie as the twin does."""
    name = path[2].partition('"type":"')[2].removesuffix('"}')
    return (name, *(key.removeprefix("f:") for key in path[3:]))


def held(owners: Any) -> dict[Path, set[Owner]]:
    """Read who owns what of the conditions."""
    found: dict[Path, set[Owner]] = {}
    for owner in owners.values():
        for path in sets.paths(owner.fields):
            if path[:2] == ("f:status", "f:conditions") and len(path) > 2:
                found.setdefault(plain(path), set()).add((owner.manager, owner.operation))
    return found


@settings(max_examples=300)
@given(STEPS)
def test_ownership_of_items_is_exact(steps):
    """Three managers apply, force and update lists of conditions: items, owners and conflicts are the twin's at each step."""
    twin, live = Twin(), pod({})
    owners = apply.track(Write(POD, "maker", "v1"), {}, live, {})
    for sort, manager, wanted in steps:
        write = Write(POD, manager, "v1", now="2026-01-01T00:00:00Z")
        expected: set[tuple[Owner, Path]] = set()
        conflicts: set[tuple[Owner, Path]] = set()
        if sort == "update":
            twin.update(manager, wanted)
            owners, live = apply.track(write, live, pod(wanted), owners), pod(wanted)
        else:
            expected = twin.apply(manager, wanted, force=sort == "force")
            try:
                merged, owners = apply.apply(write, copy.deepcopy(live), applied_pod(wanted), owners, force=sort == "force")
                live = live if merged is None else pod(items_of(merged))
            except Conflicting as conflict:
                conflicts = {((owner.manager, owner.operation), plain(path)) for owner, path in conflict.found}

        assert expected == conflicts
        assert twin.items == items_of(live)
        assert twin.owners == held(owners)

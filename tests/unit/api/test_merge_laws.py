"""Patches and applies against small twins that anybody can check by eye: flat maps, lists by name, owners as sets."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from knarr.api import apply, apply_shapes, kinds, patch
from knarr.api import apply_sets as sets
from knarr.api.apply import Conflicting, Write

POD = kinds.by_kind("", "v1", "Pod")
assert POD is not None
CONFIG = apply_shapes.of_definition("core_v1.ConfigMap")
KEYS, VALUES, MANAGERS = "abcd", "xyz", ("one", "two", "three")
FLAT = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), max_size=4)
FLAT_PATCH = st.dictionaries(st.sampled_from(KEYS), st.one_of(st.none(), st.sampled_from(VALUES)), max_size=4)


def nest(flat: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """An object of two maps, one in the other."""
    return {**flat, "in": other}


def updated(had: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """The twin of every merge of flat maps: null takes away, a value sets, all else stays."""
    return {key: value for key, value in (had | change).items() if value is not None}


@given(FLAT, FLAT, FLAT_PATCH, FLAT_PATCH)
def test_a_merge_patch_is_an_update_at_every_depth(outer, inner, change, deeper):
    """No field is lost that the patch does not name, none comes that it does not bring."""
    expected = nest(updated(outer, change), updated(inner, deeper))

    assert expected == patch.merge_patch(nest(outer, inner), nest(change, deeper))


@given(FLAT, FLAT, FLAT_PATCH, FLAT_PATCH, FLAT_PATCH, FLAT_PATCH)
def test_merge_patches_compose(outer, inner, first, first_in, then, then_in):
    """One after the other is the same as both in one: associative, where maps stay maps and scalars scalars."""
    one_by_one = patch.merge_patch(patch.merge_patch(nest(outer, inner), nest(first, first_in)), nest(then, then_in))
    together = nest(first | then, first_in | then_in)

    assert one_by_one == patch.merge_patch(nest(outer, inner), together)


CONTAINERS = st.dictionaries(st.sampled_from("abc"), st.fixed_dictionaries({}, optional={"image": st.sampled_from(VALUES), "workingDir": st.sampled_from(VALUES)}), max_size=3)
CONTAINERS_PATCH = st.dictionaries(st.sampled_from("abc"), st.one_of(st.none(), st.fixed_dictionaries({}, optional={
    "image": st.one_of(st.none(), st.sampled_from(VALUES)), "workingDir": st.one_of(st.none(), st.sampled_from(VALUES))})), max_size=3)  # fmt: skip


def pod(labels: dict[str, Any], containers: dict[str, Any]) -> dict[str, Any]:
    """A pod, or a strategic merge patch of one; None deletes a container."""
    items = [{"name": name, "$patch": "delete"} if fields is None else {"name": name, **fields} for name, fields in containers.items()]
    return {"metadata": {"labels": labels}, "spec": {"containers": items}}


def seen(obj: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What of a pod the twin knows."""
    items = obj["spec"].get("containers") or []
    return obj["metadata"].get("labels") or {}, {item["name"]: {key: value for key, value in item.items() if key != "name"} for item in items}


@settings(deadline=None)
@given(FLAT, CONTAINERS, FLAT_PATCH, CONTAINERS_PATCH)
def test_a_strategic_merge_is_an_update_of_each_item_by_its_name(labels, containers, change, items):
    """Containers are merged by name, deleted by directive, and keep what the patch does not speak of."""
    wanted = {name: updated(containers.get(name, {}), fields) for name, fields in {**{name: {} for name in containers}, **items}.items() if fields is not None}
    before = pod(labels, containers)
    kept = copy.deepcopy(before)
    merged = patch.strategic_merge(POD, before, pod(change, items))

    assert (updated(labels, change), wanted) == seen(merged)
    assert kept == before


@settings(deadline=None)
@given(FLAT, CONTAINERS, FLAT_PATCH, CONTAINERS_PATCH)
def test_a_strategic_merge_twice_is_one(labels, containers, change, items):
    """Somebody's retry does no harm."""
    once = patch.strategic_merge(POD, pod(labels, containers), pod(change, items))

    assert once == patch.strategic_merge(POD, once, pod(change, items))


class Twin:
    """Server-side apply of one flat map: values, and for each key who owns it, as (manager, way of writing)."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.owners: dict[str, set[tuple[str, str]]] = {}

    def apply(self, manager: str, wanted: dict[str, str], *, force: bool) -> set[tuple[str, str]]:
        """Apply; return the conflicts, (manager, key), in which case nothing has changed."""
        me = (manager, "Apply")
        differs = {key for key, value in wanted.items() if key in self.values and self.values[key] != value}
        conflicts = {(owner, key) for key in differs for owner, way in self.owners.get(key, ()) if (owner, way) != me}
        if conflicts and not force:
            return conflicts
        for key in wanted:
            self.owners[key] = {me} if key in differs else self.owners.get(key, set()) | {me}
        for key in [key for key, owners in self.owners.items() if me in owners and key not in wanted]:
            self._let_go(key, me)
        self.values |= wanted
        return set()

    def _let_go(self, key: str, me: tuple[str, str]) -> None:
        self.owners[key].discard(me)
        if not self.owners[key]:
            del self.owners[key], self.values[key]

    def update(self, manager: str, wanted: dict[str, str]) -> None:
        """Write the whole map over the old one."""
        for key in set(self.values) - set(wanted):
            self.owners.pop(key, None)
        for key, value in wanted.items():
            if self.values.get(key) != value:
                self.owners[key] = {(manager, "Update")}
        self.values = dict(wanted)


def held(owners: Any) -> dict[str, set[tuple[str, str]]]:
    """Read the owners of each key of `data`."""
    found: dict[str, set[tuple[str, str]]] = {}
    for owner in owners.values():
        for path in sets.paths(owner.fields):
            text = sets.text(path)
            if text.startswith(".data."):
                found.setdefault(text.removeprefix(".data."), set()).add((owner.manager, owner.operation))
    return found


STEPS = st.lists(st.tuples(st.sampled_from(("apply", "force", "update")), st.sampled_from(MANAGERS), FLAT), max_size=8)


def config(wanted: dict[str, str], **meta: Any) -> dict[str, Any]:
    """A ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", **meta}, **({"data": wanted} if wanted else {})}


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_ownership_is_exact(steps):
    """Three managers apply, force and update in any order: values, owners and conflicts are the twin's at each step.

    A label belongs to whoever made the object, and stays: an object that nobody owns a part of is another story.
    """
    twin, live = Twin(), config({}, labels={"made": "so"})
    owners = apply.track(Write(CONFIG, "maker", "v1"), {}, live, {})
    for sort, manager, wanted in steps:
        write = Write(CONFIG, manager, "v1", now="2026-01-01T00:00:00Z")
        conflicts: set[tuple[str, str]] = set()
        if sort == "update":
            expected, sent = set(), config(wanted, labels={"made": "so"})
            owners, live = apply.track(write, live, sent, owners), sent
            twin.update(manager, wanted)
        else:
            expected = twin.apply(manager, wanted, force=sort == "force")
            live, owners, conflicts = applied(write, live, wanted, owners, force=sort == "force")

        assert expected == conflicts
        assert twin.values == (live.get("data") or {})
        assert twin.owners == held(owners)


def applied(write: Write, live: Any, wanted: dict[str, str], owners: Any, *, force: bool) -> tuple[Any, Any, set[tuple[str, str]]]:
    """Apply; return the object, its owners and the conflicts, as the twin words them."""
    try:
        merged, after = apply.apply(write, copy.deepcopy(live), config(wanted), owners, force=force)
    except Conflicting as conflict:
        return live, owners, {(owner.manager, sets.text(path).removeprefix(".data.")) for owner, path in conflict.found}
    return (live if merged is None else merged), after, set()

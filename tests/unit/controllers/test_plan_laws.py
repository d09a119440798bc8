"""What plans never do, whatever they see: daemons, disruption budgets, the collector, claims, lost nodes.

Each law plays the plan against a small model that does what the plan asks, over and over, in an order that dice choose.
"""

from __future__ import annotations

import random
from dataclasses import replace
from importlib import import_module
from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from knarr.api import kinds
from knarr.api.types.apps_v1 import DaemonSet
from knarr.api.types.core_v1 import Node, PersistentVolume, PersistentVolumeClaim, Pod
from knarr.api.types.meta_v1 import OwnerReference
from knarr.api.types.policy_v1 import PodDisruptionBudget
from knarr.base.times import rfc3339
from knarr.controllers.daemonset.rolling import HASH, step
from knarr.controllers.garbagecollector.graph import FOREGROUND, Item, Meta, above
from knarr.controllers.nodelifecycle.brake import NEVER, TROUBLE, Turns, census
from tests.unit.controllers.making import NOW_S, pod, template

binder, collector, disruption = (
    import_module(f"knarr.controllers.{name}.plan") for name in ("volumebinder", "garbagecollector", "disruption"))
CONFIG_MAP = kinds.by_kind("", "v1", "ConfigMap")
ROUNDS_MAX = 60      # of a model until nothing more is asked


# Daemons

LIMIT = st.one_of(st.integers(1, 4), st.sampled_from(["10%", "34%", "100%"]))
STAND = st.tuples(st.sampled_from(["", "old", "new", "both", "old going", "two old"]), st.booleans(), st.booleans())


def daemonset(**rolling: Any) -> DaemonSet:
    return msgspec.convert({
        "metadata": {"name": "e", "namespace": "d", "uid": "e"}, "spec": {
            "selector": {"matchLabels": {"a": "b"}}, "template": template(),
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": rolling}}}, DaemonSet)


def daemons(stand: tuple[str, bool, bool], node: str) -> list[Pod]:
    """Make a node's pods: which there are, and whether old and new ones serve."""
    which, old_serves, new_serves = stand
    made = {"": [], "old": ["old"], "new": ["new"], "both": ["old", "new"], "old going": ["old"], "two old": ["old"] * 2}
    going = {"deletionTimestamp": "2026-01-01T00:00:00Z"} if which == "old going" else {}
    return [pod(f"{node}-{number}", ready=old_serves if one == "old" else new_serves,
                metadata={"labels": {"a": "b", HASH: one}, **going}) for number, one in enumerate(made[which])]


def serves(one: Pod) -> bool:
    return one.metadata.deletionTimestamp is None and one.status.conditions[0].status == "True"


@settings(max_examples=150, deadline=None)
@given(st.lists(STAND, min_size=1, max_size=8), LIMIT)
def test_a_rolling_daemon_takes_no_more_that_serve_than_allowed(stands, limit):
    """What is taken and what is being replaced are within the limit; an old pod that serves nobody goes beside it.

    So it is in Kubernetes: nodes whose old pod serves nobody are not counted.
    """
    by_node = {f"n{number}": daemons(stand, f"n{number}") for number, stand in enumerate(stands)}
    allowed = limit if isinstance(limit, int) else max(1, -(-int(limit[:-1]) * len(stands) // 100))
    found = step(daemonset(maxUnavailable=limit), by_node, short="new", wanted=len(stands), available=serves)
    replaced = sum(which not in ("old", "two old") and not (which == "new" and new_serves) for which, _, new_serves in stands)
    taken = sum(serves(one) for one in found.stop)

    assert [] == found.surge
    assert taken <= max(0, allowed - replaced)
    assert all(one.metadata.labels[HASH] == "old" for one in found.stop)


@settings(max_examples=150, deadline=None)
@given(st.lists(STAND, min_size=1, max_size=8), LIMIT)
def test_a_surging_daemon_is_never_away(stands, limit):
    """The old pod goes when the new one serves, or it serves nobody itself; on few nodes there are two."""
    by_node = {f"n{number}": daemons(stand, f"n{number}") for number, stand in enumerate(stands)}
    found = step(daemonset(maxSurge=limit, maxUnavailable=0), by_node, short="new", wanted=len(stands), available=serves)
    gone = {one.metadata.name for one in found.stop}
    for name, pods in by_node.items():
        served = any(serves(one) for one in pods)
        assert not served or any(serves(one) and one.metadata.name not in gone for one in pods)
        assert name not in found.surge or all(one.metadata.labels[HASH] == "old" for one in pods)


# Budgets

@settings(max_examples=100, deadline=None)
@given(st.integers(1, 8), st.integers(0, 8), st.sampled_from(["maxUnavailable", "minAvailable"]),
       st.lists(st.tuples(st.integers(0, 7), st.booleans()), max_size=12))
def test_evictions_leave_as_many_as_the_budget_asks_for(count, amount, rule, evictions):
    """Pods are evicted as long as the status allows it, whether or not the budget's plan has seen what went before."""
    budget = msgspec.convert({
        "metadata": {"name": "b", "namespace": "d", "uid": "b", "generation": 1, "resourceVersion": "1"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, rule: amount}}, PodDisruptionBudget)
    pods = {f"p{number}": pod(f"p{number}") for number in range(count)}
    shown = dict(pods)          # what the watch has told
    floor = max(count - amount, 0) if rule == "maxUnavailable" else amount
    for number, catches_up in [(0, True), *evictions]:
        shown = dict(pods) if catches_up else shown
        view = disruption.View(budget, tuple(shown.values()), disruption.Expected(count), NOW_S)
        budget = shown_after(budget, disruption.plan(view))
        assert 0 <= budget.status.disruptionsAllowed <= max(0, budget.status.currentHealthy - budget.status.desiredHealthy)
        name = f"p{number % count}"
        if name in pods and budget.status.disruptionsAllowed:
            written = {**budget.status.disruptedPods, name: rfc3339(NOW_S)}
            allowed = budget.status.disruptionsAllowed - 1
            budget = msgspec.structs.replace(budget, status=msgspec.structs.replace(
                budget.status, disruptionsAllowed=allowed, disruptedPods=written))
            del pods[name]

    assert len(pods) >= min(floor, count)


# The collector

EDGES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.booleans()), max_size=14)


class Objects:
    """Objects that own each other, and a server that does what the collector asks."""

    def __init__(self, count: int, edges: list[tuple[int, int, bool]]) -> None:
        self.items = {str(number): self.item(str(number), [
            (str(owner), blocks) for child, owner, blocks in edges if child == number]) for number in range(count)}
        self.begun = dict(self.items)

    def item(self, uid: str, owners: list[tuple[str, bool]]) -> Item:
        refs = {owner: OwnerReference(
            uid=owner, name=owner, kind="ConfigMap", apiVersion="v1", blockOwnerDeletion=blocks)
                for owner, blocks in owners if owner != uid}
        return Item(CONFIG_MAP, Meta(uid, "d", uid, "1", ownerReferences=tuple(refs.values())))

    def delete(self, uid: str, policy: str) -> None:
        """Delete as the server does: at once where nobody waits, else with the finalizer of the policy."""
        meta = self.items[uid].meta
        held = tuple(dict.fromkeys((*meta.finalizers, *((FOREGROUND,) if policy == "Foreground" else ()))))
        if held:
            self.items[uid] = replace(self.items[uid], meta=msgspec.structs.replace(
                meta, deletionTimestamp="2026-01-01T00:00:00Z", finalizers=held))
        else:
            del self.items[uid]

    def amend(self, uid: str, metadata: dict[str, Any]) -> None:
        """Merge what the collector has sent."""
        changed = {key: msgspec.convert(value or (), tuple[OwnerReference, ...] if key == "ownerReferences" else
                                        tuple[str, ...]) for key, value in metadata.items()}
        meta = msgspec.structs.replace(self.items[uid].meta, **changed)
        self.items[uid] = replace(self.items[uid], meta=meta)
        if meta.deletionTimestamp and not meta.finalizers:
            del self.items[uid]

    def view(self, item: Item) -> collector.View:
        refs = item.meta.ownerReferences
        present = [ref for ref in refs if ref.uid in self.items]
        waiting = tuple(ref for ref in present
                        if ref.blockOwnerDeletion and self.items[ref.uid or ""].waits_for_dependents)
        return collector.View(
            item, tuple(ref for ref in present if ref not in waiting), waiting,
            tuple(ref for ref in refs if ref.uid not in self.items),
            tuple(one for one in self.items.values() if item.uid in {ref.uid for ref in one.meta.ownerReferences}),
            above(self.items, item))


@settings(max_examples=200, deadline=None)
@given(EDGES, st.lists(st.tuples(st.integers(0, 6), st.sampled_from(["Foreground", "Background"])), max_size=3),
       st.randoms(use_true_random=False))
@example([(0, 1, True), (1, 0, True)], [(0, "Foreground"), (1, "Foreground")], random.Random(1))
def test_the_collector_takes_what_has_no_owner_left_and_nothing_else(edges, deletions, dice):
    """Any graph, circles too: it comes to rest; what a living owner holds stays, what has lost its last owner goes."""
    objects = Objects(7, edges)
    for number, policy in deletions:
        if str(number) in objects.items:
            objects.delete(str(number), policy)
    for _ in range(ROUNDS_MAX):
        if not collected(objects, dice):
            break
    else:
        raise AssertionError("it does not come to rest")
    asked = {str(number) for number, _ in deletions}
    for item in objects.items.values():
        assert not item.leaving
        assert all(ref.uid in objects.items for ref in item.meta.ownerReferences)
    for uid in objects.begun.keys() - objects.items.keys() - asked:
        owners = {ref.uid for ref in objects.begun[uid].meta.ownerReferences}
        assert owners
        assert not owners & objects.items.keys()


def collected(objects: Objects, dice: Any) -> bool:
    """Look at every object once, in any order; tell whether anything was asked."""
    busy = False
    order = sorted(objects.items)
    dice.shuffle(order)
    for uid in order:
        if uid not in objects.items:
            continue
        for done in collector.plan(objects.view(objects.items[uid])):
            if isinstance(done, collector.Stir) or done.item.uid not in objects.items:
                continue
            busy = True
            if isinstance(done, collector.Remove):
                objects.delete(done.item.uid, done.policy)
            else:
                objects.amend(done.item.uid, done.metadata)
    return busy


# Claims and volumes

def claim(name: str, size: int) -> PersistentVolumeClaim:
    return msgspec.convert({
        "metadata": {"name": name, "namespace": "d", "uid": f"uid-{name}", "resourceVersion": "1"},
        "spec": {"storageClassName": "", "accessModes": ["ReadWriteOnce"],
                 "resources": {"requests": {"storage": f"{size}Gi"}}}}, PersistentVolumeClaim)


def volume(name: str, size: int) -> PersistentVolume:
    return msgspec.convert({
        "metadata": {"name": name, "uid": f"uid-{name}", "resourceVersion": "1"},
        "spec": {"capacity": {"storage": f"{size}Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "",
                 "persistentVolumeReclaimPolicy": "Retain"}}, PersistentVolume)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 4), max_size=5), st.lists(st.integers(1, 4), max_size=5),
       st.randoms(use_true_random=False), st.booleans())
def test_a_volume_never_has_two_claims(claims, volumes, dice, stale):
    """Claims are looked at in any order, and see volumes as they are or as they once were: who comes late is refused."""
    asked = {f"c{number}": claim(f"c{number}", size) for number, size in enumerate(claims)}
    there = {f"v{number}": volume(f"v{number}", size) for number, size in enumerate(volumes)}
    old = dict(there)
    for turn in range(3 * len(asked)):
        name = dice.choice(sorted(asked))
        seen = old if stale and turn < len(asked) else there
        bind(asked, there, name=name, seen=seen)
    held = [one.spec.claimRef.uid for one in there.values() if one.spec.claimRef is not None]
    named = [one.spec.volumeName for one in asked.values() if one.spec.volumeName]

    assert len(held) == len(set(held))
    assert len(named) == len(set(named))
    for one in asked.values():
        if one.spec.volumeName:
            assert one.metadata.uid == there[one.spec.volumeName].spec.claimRef.uid


def bind(asked: dict[str, Any], there: dict[str, Any], *, name: str, seen: dict[str, Any]) -> None:
    """Do what the plan asks for one claim, up to the first refusal: a write from an old version is refused."""
    mine = asked[name]
    fitting = binder.volumes.best_first([one for one in seen.values() if one.spec.claimRef is None
                                         or binder.volumes.is_bound_to(one, mine)], mine)
    view = binder.ClaimView(mine, seen.get(mine.spec.volumeName or ""), tuple(fitting), None, ())
    for action in binder.plan(view):
        if not hasattr(action, "patch"):
            continue
        shelf = asked if isinstance(action.obj, PersistentVolumeClaim) else there
        present = shelf[action.obj.metadata.name]
        version = action.patch.get("metadata", {}).get("resourceVersion")
        if version and version != present.metadata.resourceVersion:
            return
        shelf[action.obj.metadata.name] = shown_after(present, [action])


# Lost nodes

@settings(max_examples=100, deadline=None)
@given(st.integers(1, 12), st.lists(st.tuples(st.integers(0, 11), st.floats(0.0, 3.0)), max_size=25))
def test_lost_nodes_are_given_up_one_at_a_time_and_never_all(count, losses):
    """In a second at most one node's pods are moved; where most of a zone is lost, or all there is, none are."""
    nodes = [msgspec.convert({"metadata": {"name": f"n{number}"}}, Node) for number in range(count)]
    lost: set[int] = set()
    turns, now_s, given_s = Turns(), 0.0, []
    for number, later_s in losses:
        now_s += later_s
        lost.add(number % count)
        found = census(((node, place in lost) for place, node in enumerate(nodes)), now_s)
        wait_s = turns.wait_s(nodes[number % count], found, tainted=False, now_s=now_s)
        in_trouble = len(lost) >= 3 and len(lost) >= TROUBLE * count
        if len(lost) == count or in_trouble:
            assert wait_s == NEVER
        elif wait_s == 0:
            given_s.append(now_s)

    assert all(later - earlier > 1.0 - 1e-9 for earlier, later in pairwise(given_s))  # sums of floats are not exact


def shown_after(obj: Any, actions: list[Any]) -> Any:
    """Return an object with the merge patches that were asked for, its version one further."""
    merged = msgspec.to_builtins(obj)
    for action in actions:
        if hasattr(action, "patch"):
            merged = merge(merged, action.patch)
            merged["metadata"]["resourceVersion"] = str(int(obj.metadata.resourceVersion) + 1)
    return msgspec.convert(merged, type(obj))


def merge(target: Any, patch: Any) -> Any:
    """Merge as RFC 7396 says."""
    if not isinstance(patch, dict):
        return patch
    found = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = merge(found.get(key), value)
    return found

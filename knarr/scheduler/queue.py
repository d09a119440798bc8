"""Order the pods that wait for a node, and let the refused ones rest until something happens that may help them.

Three places: active (to be tried now), backing off (woken too soon after its last try), resting (refused; nothing has
changed yet). What a pod was refused for says which events wake it. Source: kube scheduler backend/queue.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from knarr.base.backoff import Backoff

RETRY = Backoff(first_s=1, factor=2, cap_s=10)   # Source: kube podInitialBackoffSeconds, podMaxBackoffSeconds
REST_MAX_S = 300.0                               # Source: kube podMaxInUnschedulablePodsDuration
JUMP_S = 0.1  # a woken pod is tried before its backoff ends when nothing else waits, but not more often than this
BATCH_MAX = 500  # pods tried in one go; more would keep the loop busy for too long


class Happened(enum.Enum):
    """What may help a refused pod. The value: the rules whose refusal it may undo; None: any."""

    NODE_ADDED = None
    NODE_ROOM = frozenset({"NodeResourcesFit"})
    NODE_LABELS = frozenset({"NodeAffinity", "PodTopologySpread", "InterPodAffinity", "VolumeBinding", "VolumeZone"})
    NODE_TAINTS = frozenset({"TaintToleration", "NodeUnschedulable", "PodTopologySpread"})
    NODE_GONE = frozenset({"PodTopologySpread"})
    POD_GONE = frozenset({
        "NodeResourcesFit", "NodePorts", "PodTopologySpread", "InterPodAffinity", "VolumeRestrictions",
        "NodeVolumeLimits"})
    POD_PLACED = frozenset({"InterPodAffinity", "PodTopologySpread"})
    STORAGE = frozenset({"VolumeBinding", "VolumeZone"})
    ATTACHED = frozenset({"NodeVolumeLimits"})  # how many volumes a node takes, and has
    NAMESPACE = frozenset({"InterPodAffinity"})  # its labels


@dataclass(slots=True)
class Entry:
    """A pod in the queue. tried_s: when it was last tried. rules: who refused it; empty: a fault, not a rule."""

    uid: str
    priority: int
    order: int
    tries: int = 0
    tried_s: float = 0.0
    rules: frozenset[str] = frozenset()


class Queue:
    """The pods that wait. All times are monotonic seconds, passed in."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._active: dict[str, Entry] = {}
        self._backing_off: dict[str, Entry] = {}
        self._resting: dict[str, Entry] = {}
        self._trying: dict[str, Entry] = {}
        self._woken: set[str] = set()      # in _trying, and something happened meanwhile
        self._order = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, uid: str) -> bool:
        return uid in self._entries

    def add(self, uid: str, priority: int) -> None:
        """Let a pod wait for a node; one that has changed is tried again at once."""
        found = self._entries.get(uid)
        if found is None:
            self._order += 1
            found = self._entries[uid] = Entry(uid, priority, self._order)
        found.priority = priority
        if uid in self._trying:
            self._woken.add(uid)
        else:
            self._move(found, self._active)

    def remove(self, uid: str) -> None:
        """Forget a pod: it has a node, or is gone."""
        if self._entries.pop(uid, None) is not None:
            for place in (self._active, self._backing_off, self._resting, self._trying):
                place.pop(uid, None)
            self._woken.discard(uid)

    def pop(self, now_s: float) -> list[str]:
        """Take what is to be tried now, highest priority first, of equals the longest waiting; up to BATCH_MAX.

        Each must come back through `refused`, `failed` or `remove`.
        """
        self._let_out(now_s)
        batch = sorted(self._active.values(), key=lambda one: (-one.priority, one.order))[:BATCH_MAX]
        for one in batch:
            one.tries += 1
            one.tried_s = now_s
            self._move(one, self._trying)
        return [one.uid for one in batch]

    def refused(self, uid: str, rules: frozenset[str]) -> None:
        """Let a pod rest that no node would take. rules: who refused it."""
        found = self._trying.get(uid)
        if found is None:
            return
        found.rules = rules
        woken = uid in self._woken
        self._woken.discard(uid)
        self._move(found, self._backing_off if woken else self._resting)

    def failed(self, uid: str) -> None:
        """Try a pod again after its backoff: not a rule but a fault stood in its way."""
        found = self._entries.get(uid)
        if found is not None:
            found.rules = frozenset()
            self._woken.discard(uid)
            self._move(found, self._backing_off)

    def happened(self, what: Happened) -> bool:
        """Wake the pods that this may help; tell whether there were any."""
        self._woken.update(self._trying)  # decided on what was known before
        helped = [one for one in self._resting.values() if what.value is None or what.value & one.rules]
        for one in helped:
            self._move(one, self._backing_off)
        return bool(helped)

    def next_s(self, now_s: float) -> float | None:
        """Return the time when there is something to try even if nothing happens; None: never."""
        if self._active:
            return now_s
        times = [self._ready_s(one) for one in self._backing_off.values()]
        times += [one.tried_s + REST_MAX_S for one in self._resting.values()]
        return min(times, default=None)

    def _let_out(self, now_s: float) -> None:
        idle = not self._active
        for one in list(self._backing_off.values()):
            if self._ready_s(one, idle=idle) <= now_s:
                self._move(one, self._active)
        for one in list(self._resting.values()):
            if one.tried_s + REST_MAX_S <= now_s:
                self._move(one, self._active)

    def _ready_s(self, one: Entry, *, idle: bool = True) -> float:
        """When a woken pod may be tried: at the end of its backoff, or soon if a rule refused it and nobody waits."""
        if idle and one.rules:
            return one.tried_s + JUMP_S
        return one.tried_s + RETRY.delay_s(max(one.tries - 1, 0))

    def _move(self, one: Entry, place: dict[str, Entry]) -> None:
        for other in (self._active, self._backing_off, self._resting, self._trying):
            other.pop(one.uid, None)
        place[one.uid] = one

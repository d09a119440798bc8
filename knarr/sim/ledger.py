"""Remember what the laws of a run need beside the objects: bounds, doubts, and since when something is so."""

from __future__ import annotations

from collections import Counter, deque

import orjson

from knarr.api.http import Call
from knarr.base.clock import Clock
from knarr.sim.mirror import Mirror, Object, holds, owner_uid

LATE_S = 60.0            # longer than any watch lags or link is cut
BOUNDS_MAX = 100         # of one workload that are remembered


class Ledger:
    """What has happened, as far as a law asks for it. Times are monotonic, seconds."""

    def __init__(self, clock: Clock) -> None:
        self.mirror = Mirror()
        self.succeeded: dict[str, set[str]] = {}       # uid of a Job -> its pods that ended well; their indexes, if any
        self._clock = clock
        self._doubts: Counter[str] = Counter()         # uid of an owner -> pods it may have and not know
        self._bounds: dict[str, deque[tuple[float, int]]] = {}
        self._harmed_s: dict[str, float] = {}          # uid of a Deployment -> when it last changed or lost a ready pod
        self._taken_s: dict[str, deque[float]] = {}    # uid of a ReplicaSet -> when others took its pods
        self._evicted_s: dict[str, float] = {}         # the same, when it last lost one by eviction
        self._closed_s: dict[str, float] = {}          # name of a node -> since when it takes no pods
        self._since_s: dict[str, float] = {}           # uid of a budget, or of a ready pod -> since when it is so
        self._forced: set[tuple[str, str]] = set()     # pods that were deleted without waiting for their node

    def doubted(self, call: Call) -> None:
        """A write may have been done that its sender believes undone, or was done twice."""
        if call.method == "POST" and call.path.endswith("/pods"):
            self._doubts[owner_uid(orjson.loads(call.body))] += 1

    def doubt(self, uid: str, count: int) -> None:
        """Allow an owner so many pods that it cannot know."""
        self._doubts[uid] += count

    def ready_nodes(self) -> int:
        """Count the nodes that are Ready."""
        return sum(holds(node, "Ready") for node in self.mirror.all("nodes"))

    def doubts(self, *uids: str) -> int:
        """Return by how many pods an owner may be beyond its bound, by no fault of its own."""
        return sum(self._doubts[uid] for uid in uids)

    def bound(self, uid: str) -> int:
        """Return the highest bound that a part may still believe in."""
        kept = self._bounds.get(uid, ())
        old_s = self._clock.monotonic_s() - LATE_S
        recent = [bound for at_s, bound in kept if at_s >= old_s]
        before = [bound for at_s, bound in kept if at_s < old_s][-1:]
        return max([*recent, *before], default=0)

    def note_bound(self, uid: str, bound: int) -> None:
        """Remember what a workload allows from now on."""
        kept = self._bounds.setdefault(uid, deque(maxlen=BOUNDS_MAX))
        if not kept or kept[-1][1] != bound:
            kept.append((self._clock.monotonic_s(), bound))

    def harm(self, uid: str) -> None:
        """A Deployment has lost a ready pod by a fault, or was changed."""
        self._harmed_s[uid] = self._clock.monotonic_s()

    def note_taken(self, uid: str) -> None:
        """A ReplicaSet has lost a pod that it did not give up itself."""
        self._taken_s.setdefault(uid, deque(maxlen=BOUNDS_MAX)).append(self._clock.monotonic_s())

    def taken(self, uid: str) -> int:
        """Return how many pods a ReplicaSet has lost so since the time that a part may still believe in."""
        old_s = self._clock.monotonic_s() - LATE_S
        return sum(at_s >= old_s for at_s in self._taken_s.get(uid, ()))

    def harm_by_eviction(self, uid: str) -> None:
        """A Deployment has lost a ready pod by an eviction."""
        self._evicted_s[uid] = self._clock.monotonic_s()

    def is_unharmed(self, uid: str, *, but_by_eviction: bool = False) -> bool:
        """Tell whether every part knows how a Deployment stands."""
        evicted_s = 0.0 if but_by_eviction else self._evicted_s.get(uid, 0.0)
        return self._clock.monotonic_s() - max(evicted_s, self._harmed_s.get(uid, 0.0)) > LATE_S

    def note_closed(self, node: str, *, closed: bool) -> None:
        """Remember whether a node takes pods, and since when not."""
        if closed:
            self._closed_s.setdefault(node, self._clock.monotonic_s())
        else:
            self._closed_s.pop(node, None)

    def is_closed(self, node: str) -> bool:
        """Tell whether a node was closed so long ago that every part knows."""
        return self._clock.monotonic_s() - self._closed_s.get(node, self._clock.monotonic_s()) > LATE_S

    def note_age(self, obj: Object | None, *, holds: bool = True) -> None:
        """Remember since when an object is what a law asks for. holds: whether it is so now."""
        if obj is not None and holds:
            self._since_s.setdefault(obj["metadata"]["uid"], self._clock.monotonic_s())
        elif obj is not None:
            self._since_s.pop(obj["metadata"]["uid"], None)

    def is_older(self, obj: Object, age_s: float) -> bool:
        """Tell whether an object has been what a law asks for, for so long."""
        now_s = self._clock.monotonic_s()
        return now_s - self._since_s.get(obj["metadata"]["uid"], now_s) > age_s

    def force(self, namespace: str, name: str) -> None:
        """A pod is deleted without waiting for its node: it may live on there beside the one that follows it."""
        self._forced.add((namespace, name))

    def is_forced(self, namespace: str, name: str) -> bool:
        """Tell whether a pod was deleted without waiting for its node."""
        return (namespace, name) in self._forced

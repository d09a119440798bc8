"""Keep the frame and the queue as the informers see the cluster.

A pod that was given a node here stands in the frame before the server knows; when the watch shows it, nothing changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

from knarr.api.types import apps_v1, core_v1, policy_v1, storage_v1
from knarr.api.volumes import BY_CLAIM, by_claim
from knarr.client.informers import Informers
from knarr.scheduler import requests, terms
from knarr.scheduler.attached import Attachments
from knarr.scheduler.claims import Storage, attached, claims_of, for_one_pod, turned_away
from knarr.scheduler.frame import Frame, Placed
from knarr.scheduler.needs import Needs, group_key, needs_of
from knarr.scheduler.plan import Waiting
from knarr.scheduler.plugins.volumes import IN_USE
from knarr.scheduler.preempt import Budget
from knarr.scheduler.queue import Happened, Queue
from knarr.scheduler.requests import as_counted
from knarr.scheduler.terms import Selector

T = TypeVar("T")
BY_NAMESPACE = "namespace"
OVER = ("Succeeded", "Failed")
NEEDS_MAX = 2_000  # compiled pods kept by their group key; the oldest goes


class Observer:
    """The cluster as the scheduler sees it. wake: called when there is something to try."""

    def __init__(self, informers: Informers, *, name: str, wake: Callable[[], None]) -> None:
        self.frame, self.queue = Frame(), Queue()
        self._name, self._wake = name, wake
        self._placed: dict[str, str] = {}             # node by pod uid
        self._shown: dict[str, tuple[object, ...]] = {}  # what of a placed pod the frame holds, by uid
        self._needs: dict[bytes, Needs] = {}
        self.pods = informers.of(core_v1.Pod)
        self.pods.index(BY_CLAIM, by_claim)
        self.claims = informers.of(core_v1.PersistentVolumeClaim)
        self.volumes = informers.of(core_v1.PersistentVolume)
        self._classes = informers.of(storage_v1.StorageClass)
        self._drivers = informers.of(storage_v1.CSIDriver)
        self._capacities = informers.of(storage_v1.CSIStorageCapacity)
        self._attachments = Attachments(informers, self.frame, changed=lambda: self._tell(Happened.ATTACHED))
        self._services = informers.of(core_v1.Service)
        self._services.index(BY_NAMESPACE, lambda service: [service.metadata.namespace or ""])
        self._replicasets = informers.of(apps_v1.ReplicaSet)
        self._statefulsets = informers.of(apps_v1.StatefulSet)
        self._budgets = informers.of(policy_v1.PodDisruptionBudget)
        self._nodes = informers.of(core_v1.Node)
        self._namespaces = informers.of(core_v1.Namespace)
        self.storage = Storage(
            self.claims.objects, self.volumes.objects, self._classes.objects, self._drivers.objects,
            self._capacities.objects)
        self._pending: dict[str, core_v1.Pod] = {}    # by uid

    def listen(self) -> None:
        """Start to follow the informers."""
        self._namespaces.on_change(self._namespace)
        self._nodes.on_change(self._node)
        self._attachments.listen()
        self.pods.on_change(self._pod)
        self.claims.on_change(self._stored)
        self.volumes.on_change(self._stored)
        self._classes.on_change(self._stored)
        self._drivers.on_change(self._stored)
        self._capacities.on_change(self._stored)

    async def wait_synced(self) -> None:
        """Wait until the first lists are in."""
        for one in (self.pods, self.claims, self.volumes, self._classes, self._drivers, self._capacities,
                    self._attachments, self._services, self._replicasets, self._statefulsets, self._budgets,
                    self._nodes, self._namespaces):
            await one.wait_synced()

    def pending(self, uid: str) -> core_v1.Pod | None:
        """Return a waiting pod as it was last seen."""
        return self._pending.get(uid)

    def batch(self, uids: list[str]) -> list[Waiting]:
        """Compile waiting pods, those that no rule can tell apart beside each other, by priority."""
        groups: dict[tuple[int, bytes], list[Waiting]] = {}
        alone: set[tuple[str, str]] = set()     # claims for one pod alone that this batch gives away
        for uid in uids:
            pod = self._pending.get(uid)
            if pod is not None:
                one = self._one_by_one(self._compile(uid, pod), pod, alone)
                groups.setdefault((-one.needs.priority, one.key), []).append(one)
        return [one for _, same in sorted(groups.items(), key=lambda item: item[0][0]) for one in same]

    def _one_by_one(self, one: Waiting, pod: core_v1.Pod, alone: set[tuple[str, str]]) -> Waiting:
        """Turn a pod away whose claim, for one pod alone, is another's; else note the claim in `alone` as its own."""
        wanted = for_one_pod(pod, self.storage)
        if not wanted or one.turned_away:
            return one
        if wanted & alone or any(self._is_used(claim, one.uid) for claim in wanted):
            return replace(one, turned_away=IN_USE.text)
        alone |= wanted
        return one

    def _is_used(self, claim: tuple[str, str], uid: str) -> bool:
        """Tell whether another pod that has a node uses a claim."""
        users = self.pods.by(BY_CLAIM, "/".join(claim))
        return any((user.spec.nodeName or user.metadata.uid in self._placed) and user.status.phase not in OVER
                   for user in users if user.metadata.uid != uid)

    def budgets(self) -> list[Budget]:
        """List disruption budgets, for choosing whom to evict."""
        return [
            Budget(one.metadata.namespace or "", terms.compile_labels(one.spec.selector), allowed=_allowed(one))
            for one in self._budgets.all()
        ]

    def placed(self, waiting: Waiting, node: str) -> None:
        """Note that the plan gave a pod to `node`."""
        self._placed[waiting.uid] = node
        self._shown[waiting.uid] = _shown(node, waiting.needs.labels, deleting=False)
        if self.queue.happened(Happened.POD_PLACED):
            self._wake()

    def displaced(self, uid: str) -> None:
        """Take back a placement that the server did not accept."""
        if uid in self._pending:  # else the watch has shown what became of it
            self._take_away(uid)

    def _compile(self, uid: str, pod: core_v1.Pod) -> Waiting:
        meta = pod.metadata
        claims = claims_of(pod, self.storage)
        like = self._like(pod) if not pod.spec.topologySpreadConstraints else None
        brought = attached(pod, self.storage)
        key = group_key(pod, (claims, like, brought))
        needs = self._kept(
            key, lambda: needs_of(pod, default_selector=like, claims=claims, attached=brought))
        away = turned_away(pod, self.storage)
        return Waiting(
            uid, meta.namespace or "", meta.name or "", key, needs, away, pod.status.nominatedNodeName or "")

    def _kept(self, key: bytes, make: Callable[[], Needs]) -> Needs:
        found = self._needs.get(key)
        if found is None:
            if len(self._needs) >= NEEDS_MAX:
                del self._needs[next(iter(self._needs))]
            found = self._needs[key] = make()
        return found

    def _like(self, pod: core_v1.Pod) -> Selector:
        """Return what selects the pod's like: its services and its controller. Source: kube DefaultSelector."""
        namespace, labels = pod.metadata.namespace or "", pod.metadata.labels
        found: tuple[terms.Requirement, ...] = ()
        for service in self._services.by(BY_NAMESPACE, namespace):
            wanted = service.spec.selector
            if wanted and wanted.items() <= labels.items():
                found += tuple(terms.Requirement(key, "In", (value,)) for key, value in sorted(wanted.items()))
        for owner in pod.metadata.ownerReferences:
            informer: Any = {"ReplicaSet": self._replicasets, "StatefulSet": self._statefulsets}.get(owner.kind)
            owned_by = informer.get(namespace, owner.name) if owner.controller and informer is not None else None
            if owned_by is not None:
                found += terms.compile_labels(owned_by.spec.selector) or ()
        return tuple(dict.fromkeys(found))

    def _pod(self, old: core_v1.Pod | None, new: core_v1.Pod | None) -> None:
        if old is not None and (new is None or new.metadata.uid != old.metadata.uid):
            self._forget(old.metadata.uid or "")
        if new is None:
            return
        uid, node = new.metadata.uid or "", new.spec.nodeName or ""
        if node and new.status.phase not in OVER:
            self._stand(uid, node, new)
        elif node:
            self._forget(uid)
        elif self._waits(new):
            known = self._pending.get(uid)
            self._pending[uid] = new
            if known is None or _asks(known) != _asks(new):
                self.queue.add(uid, new.spec.priority or 0)
                self._wake()
        else:
            self._forget(uid)

    def _waits(self, pod: core_v1.Pod) -> bool:
        mine = (pod.spec.schedulerName or "default-scheduler") == self._name
        leaving = pod.metadata.deletionTimestamp is not None or pod.status.phase in OVER
        return mine and not leaving and not pod.spec.schedulingGates

    def _stand(self, uid: str, node: str, pod: core_v1.Pod) -> None:
        self._pending.pop(uid, None)
        self.queue.remove(uid)
        deleting = pod.metadata.deletionTimestamp is not None
        if (pod.metadata.generation or 1) > 1:      # it may have been resized
            pod = as_counted(pod)
        shown = _shown(node, pod.metadata.labels, deleting=deleting, resized=_amounts(pod))
        if self._shown.get(uid) == shown:
            return
        self._take_away(uid)
        brought = attached(pod, self.storage)
        needs = self._kept(group_key(pod, brought or None), lambda: needs_of(pod, attached=brought))
        started = pod.status.startTime or ""
        placed = Placed(uid, pod.metadata.namespace or "", pod.metadata.name or "", needs, deleting, started)
        self.frame.add_pod(node, placed)
        self._placed[uid], self._shown[uid] = node, shown
        self._tell(Happened.POD_PLACED)

    def _forget(self, uid: str) -> None:
        self._pending.pop(uid, None)
        self.queue.remove(uid)
        if uid in self._placed:
            self._take_away(uid)
            self._tell(Happened.POD_GONE)

    def _take_away(self, uid: str) -> None:
        node = self._placed.pop(uid, None)
        self._shown.pop(uid, None)
        if node is not None:
            self.frame.remove_pod(node, uid)

    def _node(self, old: core_v1.Node | None, new: core_v1.Node | None) -> None:
        if new is None:
            assert old is not None
            self.frame.remove_node(old.metadata.name or "")
            self._tell(Happened.NODE_GONE)
            return
        self.frame.set_node(new)
        for what in _node_news(old, new):
            self._tell(what)

    def _namespace(self, old: core_v1.Namespace | None, new: core_v1.Namespace | None) -> None:
        found = new or old
        assert found is not None
        self.frame.set_namespace(found.metadata.name or "", new.metadata.labels if new else None)
        self._tell(Happened.NAMESPACE)

    def _stored(self, old: object, new: object) -> None:
        self._tell(Happened.STORAGE)

    def _tell(self, what: Happened) -> None:
        if self.queue.happened(what):
            self._wake()


def _node_news(old: core_v1.Node | None, new: core_v1.Node) -> Iterator[Happened]:
    if old is None:
        yield Happened.NODE_ADDED
        return
    if old.spec.taints != new.spec.taints or old.spec.unschedulable != new.spec.unschedulable:
        yield Happened.NODE_TAINTS
    if old.metadata.labels != new.metadata.labels:
        yield Happened.NODE_LABELS
    before, after = requests.amounts(old.status.allocatable), requests.amounts(new.status.allocatable)
    if any(value > before.get(name, 0) for name, value in after.items()):
        yield Happened.NODE_ROOM


def _allowed(budget: policy_v1.PodDisruptionBudget) -> int:
    return budget.status.disruptionsAllowed or 0


def _shown(node: str, labels: Any, *, deleting: bool, resized: object = None) -> tuple[object, ...]:
    return node, tuple(sorted(labels.items())), deleting, resized


def _amounts(pod: core_v1.Pod) -> object:
    """Return what a pod and its containers ask for, None while its spec is as it was created."""
    if (pod.metadata.generation or 1) == 1:
        return None
    return pod.spec.resources, *(one.resources for one in (*pod.spec.containers, *pod.spec.initContainers))


def _asks(pod: core_v1.Pod) -> tuple[object, ...]:
    """What of a waiting pod is worth a new try: all but its status."""
    return pod.spec, pod.metadata.labels

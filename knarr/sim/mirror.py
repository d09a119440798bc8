"""Keep every object as it was last committed: what laws are judged on, ahead of whatever the parts believe."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import orjson

from knarr.store.face import Change

Object: TypeAlias = dict[str, Any]
UNREAD = ("/core/events/", "/coordination.k8s.io/leases/", "/events.k8s.io/")    # many, and no law speaks of them
FINAL = frozenset({"Succeeded", "Failed"})


class Mirror:
    """The objects by key, and who owns whom."""

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self._kinds: dict[str, dict[str, Object]] = {}
        self._owned: dict[str, dict[str, Object]] = {}        # uid of the controller -> key -> object
        self._by_uid: dict[str, Object] = {}

    def take(self, change: Change) -> tuple[Object | None, Object | None]:
        """Take one change in; return the state before and after it, both None where no law cares."""
        key = change.entry.key
        if key.startswith(UNREAD):
            return None, None
        old = self.objects.pop(key, None)
        plural = key.split("/", 3)[2]
        if old is not None:
            self._by_uid.pop(old["metadata"]["uid"], None)
            self._kinds[plural].pop(key, None)
            self._owned.get(owner_uid(old), {}).pop(key, None)
        if change.kind == "DELETED":
            return old, None
        new: Object = orjson.loads(change.entry.value)
        self.objects[key] = self._kinds.setdefault(plural, {})[key] = self._by_uid[new["metadata"]["uid"]] = new
        self._owned.setdefault(owner_uid(new), {})[key] = new
        return old, new

    def all(self, plural: str) -> Iterator[Object]:
        """Walk the objects of a kind."""
        return iter(list(self._kinds.get(plural, {}).values()))

    def owned(self, uid: str, kind: str) -> list[Object]:
        """Return the objects of a kind whose controller has this uid."""
        return [obj for obj in self._owned.get(uid, {}).values() if obj["kind"] == kind]

    def by_uid(self, uid: str) -> Object | None:
        """Find an object."""
        return self._by_uid.get(uid)

    def deployment_pods(self, deployment: Object) -> list[Object]:
        """Return the pods of all ReplicaSets of a Deployment."""
        sets = self.owned(deployment["metadata"]["uid"], "ReplicaSet")
        return [pod for one in sets for pod in self.owned(one["metadata"]["uid"], "Pod")]


def owner(obj: Object) -> Object:
    """Return the owner reference of the controller; empty where there is none."""
    references = obj["metadata"].get("ownerReferences", ())
    return next((one for one in references if one.get("controller")), {})


def owner_uid(obj: Object) -> str:
    """Return the uid of the controller, empty where there is none."""
    return str(owner(obj).get("uid", ""))


def is_going(obj: Object) -> bool:
    """Tell whether an object is being deleted."""
    return "deletionTimestamp" in obj["metadata"]


def is_active(pod: Object) -> bool:
    """Tell whether a pod counts for its owner: neither ended nor being deleted."""
    return not is_going(pod) and pod["status"].get("phase") not in FINAL


def is_ready(pod: Object) -> bool:
    """Tell whether a pod is Ready."""
    return holds(pod, "Ready")


def is_evicted(pod: Object) -> bool:
    """Tell whether a pod ends by the eviction API."""
    return any(one.get("reason") == "EvictionByEvictionAPI" for one in pod["status"].get("conditions", ()))


def holds(obj: Object, condition: str) -> bool:
    """Tell whether a condition of an object is True."""
    return any(one["type"] == condition and one["status"] == "True" for one in obj["status"].get("conditions", ()))


def name_of(obj: Object) -> str:
    """Return kind and name, as a story says it."""
    meta = obj["metadata"]
    where = f"{meta['namespace']}/" if "namespace" in meta else ""
    return f"{obj['kind']} {where}{meta['name']}"

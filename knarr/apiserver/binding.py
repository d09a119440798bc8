"""Bind a pod to a node: POST to `pods/<name>/binding`, or to `bindings`.

Source: kube registry/core/pod/storage/storage.go, BindingREST; apis/core/validation, ValidatePodBinding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from knarr.api import kinds
from knarr.api.errors import BadRequest, Cause, conflict, invalid
from knarr.api.http import Answer
from knarr.api.kinds import Kind
from knarr.apiserver import bodies
from knarr.apiserver.admission.topology import labels_of
from knarr.apiserver.changes import Changer, other_uid
from knarr.apiserver.core import Request

Obj = dict[str, Any]
CREATED = orjson.dumps({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201})
TARGETS = ("", "Node")


@dataclass(frozen=True, slots=True)
class Binder:
    """The verb `create` of the subresource."""

    changer: Changer

    async def create(self, request: Request) -> Answer:
        """Bind; 201 with a Status; 409 if the pod has a node or is being deleted."""
        binding = bodies.read(request, BINDING)
        meta = binding["metadata"]
        name = request.target.name or str(meta.get("name", ""))
        if meta.get("name") and meta["name"] != name:
            raise BadRequest(f"the name of the object ({meta['name']}) does not match the name on the URL ({name})")
        check(binding, name)
        key = POD.key(request.target.namespace, name)
        now = self.changer.core.timestamp()
        place = labels_of(self.changer.core, binding["target"]["name"])
        if place:
            meta["labels"] = (meta.get("labels") or {}) | place

        def bound(pod: Obj) -> None:
            bind(pod, binding, now)

        if request.dry_run:
            entry = self.changer.core.store.get(key)
            if entry is not None:
                bound(entry.obj)
            return Answer(201, CREATED)
        await self.changer.edit(POD, key, bound)
        return Answer(201, CREATED)


def check(binding: Obj, name: str) -> None:
    """Refuse a binding to no node, or to something else."""
    target = binding.get("target") or {}
    causes = []
    if target.get("kind", "") not in TARGETS:
        why = f'Unsupported value: "{target["kind"]}": supported values: "Node", "<empty>"'
        causes.append(Cause("FieldValueNotSupported", "target.kind", why))
    if not target.get("name"):
        causes.append(Cause("FieldValueRequired", "target.name", "Required value"))
    if causes:
        raise invalid("Binding", "", name, causes)


def bind(pod: Obj, binding: Obj, now: str) -> None:
    """Put the pod on the node, in place; Conflict if it cannot be."""
    meta, spec = pod["metadata"], pod["spec"]
    name, said = meta["name"], binding["metadata"]
    if said.get("uid") and said["uid"] != meta["uid"]:
        raise other_uid(POD, meta, said["uid"])
    if meta.get("deletionTimestamp"):
        raise conflict("pods/binding", "", name, f"pod {name} is being deleted, cannot be assigned to a host")
    if spec.get("nodeName"):
        raise conflict("pods/binding", "", name, f'pod {name} is already assigned to node "{spec["nodeName"]}"')
    if spec.get("schedulingGates"):
        raise conflict("pods/binding", "", name, f"pod {name} has non-empty .spec.schedulingGates")
    spec["nodeName"] = binding["target"]["name"]
    for part in ("annotations", "labels"):
        if said.get(part):
            meta[part] = {**(meta.get(part) or {}), **said[part]}
    scheduled(pod.setdefault("status", {}), now)


def scheduled(status: Obj, now: str) -> None:
    """Set the condition PodScheduled."""
    conditions = status.setdefault("conditions", [])
    condition = next((one for one in conditions if one.get("type") == "PodScheduled"), None)
    if condition is None:
        condition = {"type": "PodScheduled"}
        conditions.append(condition)
    if condition.get("status") != "True":
        condition["lastTransitionTime"] = now
    condition["status"] = "True"
    condition.setdefault("lastProbeTime", None)
    condition.pop("reason", None)
    condition.pop("message", None)


def _kind(plural: str) -> Kind:
    found = kinds.by_resource("", "v1", plural)
    assert found is not None
    return found


POD, BINDING = _kind("pods"), _kind("bindings")

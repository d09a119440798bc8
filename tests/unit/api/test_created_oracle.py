"""Every minimal object a real API server completed is completed here alike, but for what others add (MASKED)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from knarr.api import defaults, schema_decode, strategy, validation
from knarr.api.errors import invalid

from .wire import WIRE, kind_at

CREATED = "objects/created.json"
UID = "b91e9a08-427f-4d7e-a079-c1c50f982610"
MASKED_METADATA = ("managedFields", "uid", "creationTimestamp", "resourceVersion")   # the store and the API server
ACCOUNT_VOLUME = "kube-api-access-"   # admission: the service account's token
MASKED_POD = ("serviceAccountName", "serviceAccount", "tolerations", "priority", "preemptionPolicy")   # admission
MASKED_SERVICE = ("clusterIP", "clusterIPs", "healthCheckNodePort")   # the allocators; nodePort too
PROTECTION = ("kubernetes.io/pvc-protection", "kubernetes.io/pv-protection")   # admission
MASKED_NODE = ("taints",)   # admission: not ready yet
MASKED_REQUEST = ("username", "groups", "extra")   # admission: who asked
MASKED_VOLUME_STATUS = ("lastPhaseTransitionTime",)   # a clock
REVIEWS = frozenset({
    "SelfSubjectAccessReview", "SelfSubjectRulesReview", "SelfSubjectReview", "SubjectAccessReview",
    "LocalSubjectAccessReview", "TokenReview",
})   # answered by authorizers, never stored


def cases() -> list[Any]:
    path = WIRE / CREATED
    found = json.loads(path.read_text()) if path.exists() else []
    return [pytest.param(case, id=f"{number} {case['request']['body']['kind']}") for number, case in enumerate(found)
            if kind_at(case["request"]["path"]) and case["request"]["body"]["kind"] not in REVIEWS]


def complete(case: dict[str, Any]) -> dict[str, Any]:
    """Return what becomes of the request's object: itself, completed, or a Status."""
    kind = kind_at(case["request"]["path"])
    assert kind is not None
    obj = schema_decode.decode(json.dumps(case["request"]["body"]).encode(), "application/json", kind).obj
    metadata = obj.setdefault("metadata", {})
    metadata["uid"] = UID
    metadata.setdefault("name", case["response"].get("metadata", {}).get("name"))   # where a name was generated
    if kind.namespaced:
        metadata.setdefault("namespace", "rec")
    defaults.apply(kind, obj)
    strategy.prepare_create(kind, obj)
    causes = validation.create(kind, obj)
    if causes:
        return invalid(kind.kind, kind.group, metadata["name"], causes).status()
    settled: dict[str, Any] = json.loads(json.dumps(obj).replace(UID, "<uid>"))
    return settled


def masked(obj: dict[str, Any]) -> dict[str, Any]:
    """Take out what others add."""
    kind, metadata, spec = obj.get("kind"), obj.get("metadata", {}), obj.get("spec", {})
    drop(metadata, MASKED_METADATA)
    if set(metadata.get("finalizers", ())) & set(PROTECTION):
        del metadata["finalizers"]
    if kind == "Pod":
        drop(spec, MASKED_POD)
        unmount(spec)
    elif kind == "Service":
        if spec.get("clusterIP") != "None":
            drop(spec, MASKED_SERVICE)
        for port in spec.get("ports", ()):
            port.pop("nodePort", None)
    elif kind == "CertificateSigningRequest":
        drop(spec, MASKED_REQUEST)
    elif kind == "Node":
        drop(spec, MASKED_NODE)
    elif kind == "PersistentVolume":
        drop(obj["status"], MASKED_VOLUME_STATUS)
    elif kind == "Event":
        drop(obj, ("eventTime",))
    return obj


def unmount(spec: dict[str, Any]) -> None:
    for holder, name in [(spec, "volumes"), *((item, "volumeMounts") for group in ("containers", "initContainers")
                                              for item in spec.get(group, ()))]:
        kept = [item for item in holder.get(name, ()) if not item["name"].startswith(ACCOUNT_VOLUME)]
        holder.pop(name, None)
        if kept:
            holder[name] = kept


def drop(holder: dict[str, Any], names: tuple[str, ...]) -> None:
    for name in names:
        holder.pop(name, None)


@pytest.mark.parametrize("case", cases())
def test_an_object_is_completed_as_kubernetes_completes_it(case):
    """A client sends the least it can; the recording tells what the real server made of it."""
    assert masked(case["response"]) == masked(complete(case))


def test_the_recording_is_not_empty():
    """An absent recording makes the table above empty; that is said, not passed over."""
    if not (WIRE / CREATED).exists():
        pytest.skip(f"no recorded answers at {WIRE / CREATED}")
    assert len(cases()) > 35

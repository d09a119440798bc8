"""Make a pod of a manifest, as the API server and kubelet together would. Pure.

Its uid is a hash of what the file says, where it lies and which node reads it: another text is another pod.
Source: kube kubelet/config/common.go (applyDefaults, tryDecodeSinglePod), config/file.go.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

import msgspec

from knarr.api import defaults, kinds, references, schema_decode, strategy, validation
from knarr.api.errors import ApiError
from knarr.api.types.core_v1 import Pod

SOURCE, HASH, MIRROR = (f"kubernetes.io/config.{word}" for word in ("source", "hash", "mirror"))
EVERY_NODE_TROUBLE: Final = {"operator": "Exists", "effect": "NoExecute"}
SYSTEM_CLASSES: Final = {"system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000}


class BadManifest(Exception):
    """A file is no pod that could run; the text says why."""


def pod_of(body: bytes, *, file: str, node_name: str) -> Pod:
    """Return the pod that a file describes, JSON or YAML. file: its whole path. Raises BadManifest."""
    kind = kinds.by_kind("", "v1", "Pod")
    assert kind is not None, "pods are served"
    media = "application/json" if body.lstrip()[:1] == b"{" else "application/yaml"
    try:
        obj = schema_decode.decode(body, media, kind, validation="Ignore").obj
    except ApiError as fault:
        raise BadManifest(str(fault)) from fault
    uid = hash_of(obj, file=file, node_name=node_name)
    complete(obj, uid=uid, node_name=node_name)
    defaults.apply(kind, obj)
    strategy.prepare_create(kind, obj)
    faults = [str(cause) for cause in validation.create(kind, obj)] or forbidden(obj["spec"])
    if faults:
        raise BadManifest(", ".join(faults))
    return msgspec.convert(obj, Pod)


def hash_of(obj: dict[str, Any], *, file: str, node_name: str) -> str:
    """Return what tells this pod from every other one: 32 hex digits."""
    text = json.dumps([obj, f"host:{node_name}", f"file:{file}"], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def complete(obj: dict[str, Any], *, uid: str, node_name: str) -> None:
    """Give the object what makes it a pod of this node."""
    meta, spec = obj.setdefault("metadata", {}), obj.setdefault("spec", {})
    if meta.get("name"):
        meta["name"] = f"{meta['name']}-{node_name}"
    meta["namespace"] = meta.get("namespace") or "default"
    meta["uid"] = uid
    meta["annotations"] = {**(meta.get("annotations") or {}), SOURCE: "file", HASH: uid}
    spec["nodeName"] = node_name
    spec["tolerations"] = [*(spec.get("tolerations") or ()), EVERY_NODE_TROUBLE]
    if spec.get("priorityClassName") in SYSTEM_CLASSES:
        spec["priority"] = SYSTEM_CLASSES[spec["priorityClassName"]]


def forbidden(spec: dict[str, Any]) -> list[str]:
    """Name what the pod needs of the API: it must run without. Source: kube api/pod/util.go, HasAPIObjectReference."""
    needed = sorted({plural for plural, _ in references.named(spec)})
    projected = [source for volume in spec.get("volumes") or ()
                 for source in (volume.get("projected") or {}).get("sources") or ()]
    if spec.get("serviceAccountName") or any("serviceAccountToken" in source for source in projected):
        needed.append("serviceaccounts")
    if spec.get("ephemeralContainers"):
        needed.append("ephemeral containers")
    return [f"static pods may not reference {plural}" for plural in needed]


def is_mirror(pod: Pod) -> bool:
    """Tell whether the API's object only shows a pod that a node runs by itself."""
    return MIRROR in pod.metadata.annotations


def is_static(pod: Pod) -> bool:
    """Tell whether a pod of this node comes from a file."""
    return SOURCE in pod.metadata.annotations and MIRROR not in pod.metadata.annotations

"""Give claims a default class, and keep claims and volumes until nothing uses them.

Source: kube plugin/pkg/admission/storage/storageclass/setdefault and storageobjectinuseprotection.
"""

from __future__ import annotations

from knarr.apiserver.admission.words import Admission, Obj

DEFAULT_MARK = "storageclass.kubernetes.io/is-default-class"
OLD_MARK = "volume.beta.kubernetes.io/storage-class"
FINALIZERS = {
    "persistentvolumeclaims": "kubernetes.io/pvc-protection",
    "persistentvolumes": "kubernetes.io/pv-protection",
}


async def default_class(a: Admission) -> None:
    """Name the newest default StorageClass in a claim that names none."""
    spec = a.obj.get("spec") or {}
    if spec.get("storageClassName") is not None or OLD_MARK in (a.obj["metadata"].get("annotations") or {}):
        return
    marked = [one for one in a.every("storage.k8s.io", "storageclasses") if _is_default(one)]
    if marked:
        newest = max(marked, key=lambda one: (one["metadata"].get("creationTimestamp", ""), one["metadata"]["name"]))
        spec["storageClassName"] = newest["metadata"]["name"]


async def protect(a: Admission) -> None:
    """Add the finalizer that a controller takes away when the object is out of use."""
    finalizers = a.obj["metadata"].setdefault("finalizers", [])
    wanted = FINALIZERS[a.kind.plural]
    if wanted not in finalizers:
        finalizers.append(wanted)


def _is_default(storage_class: Obj) -> bool:
    return (storage_class["metadata"].get("annotations") or {}).get(DEFAULT_MARK) == "true"

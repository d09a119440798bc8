"""Give claims a default class, let them grow only where that works, and keep what is in use.

Source: kube plugin/pkg/admission/storage: storageclass/setdefault, storageobjectinuseprotection and
persistentvolume/resize.
"""

from __future__ import annotations

from knarr.api import quantity
from knarr.apiserver.admission.words import Admission, Obj

DEFAULT_MARK = "storageclass.kubernetes.io/is-default-class"
OLD_MARK = "volume.beta.kubernetes.io/storage-class"
FINALIZERS = {
    "persistentvolumeclaims": "kubernetes.io/pvc-protection",
    "persistentvolumes": "kubernetes.io/pv-protection",
    "volumeattributesclasses": "kubernetes.io/vac-protection",
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


async def resize(a: Admission) -> None:
    """Refuse to let a claim grow that is not bound, or whose class cannot do it."""
    assert a.old is not None, "only an update can make a claim grow"
    if a.subresource or _size(a.obj) <= _size(a.old):
        return
    if (a.old.get("status") or {}).get("phase") != "Bound":
        raise a.refuse("Only bound persistent volume claims can be expanded")
    names = {_class(a.obj), _class(a.old)}
    name = names.pop()
    found = a.find("storage.k8s.io", "storageclasses", name) if name and not names else None
    if not (found or {}).get("allowVolumeExpansion"):
        raise a.refuse(
            "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc "
            "must support resize"
        )


def _size(claim: Obj) -> int:
    asked = ((claim.get("spec") or {}).get("resources") or {}).get("requests") or {}
    return quantity.parse(asked.get("storage", "0")).nano


def _class(claim: Obj) -> str:
    marks = claim["metadata"].get("annotations") or {}
    return str(marks.get(OLD_MARK) or (claim.get("spec") or {}).get("storageClassName") or "")


def _is_default(storage_class: Obj) -> bool:
    return (storage_class["metadata"].get("annotations") or {}).get(DEFAULT_MARK) == "true"

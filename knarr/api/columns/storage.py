"""Print volumes, claims, storage classes and what CSI drivers say of themselves.

Source: kube pkg/printers/internalversion/printers.go.
"""

from __future__ import annotations

from typing import Any

from knarr.api.columns.view import AGE, NAME, NONE, UNSET, Column, Obj, View, age, at, columns, name

ACCESS_MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
DEFAULT_ANNOTATIONS = (
    "storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class",
)


def volume_cells(obj: Obj, now_s: float) -> list[Any]:
    """Return a PersistentVolume's cells."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    claim = spec.get("claimRef")
    return [
        name(obj), at(spec, "capacity", "storage") or "0", _modes(spec.get("accessModes")),
        spec.get("persistentVolumeReclaimPolicy", ""), _phase(obj),
        f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else "", _class(obj),
        spec.get("volumeAttributesClassName") or UNSET, status.get("reason", ""), age(obj, now_s),
        spec.get("volumeMode") or UNSET,
    ]


def claim_cells(obj: Obj, now_s: float) -> list[Any]:
    """Return a PersistentVolumeClaim's cells. Capacity and modes are those of the volume, once there is one."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    volume = spec.get("volumeName", "")
    capacity = (at(status, "capacity", "storage") or "0") if volume else ""
    return [
        name(obj), _phase(obj), volume, capacity, _modes(status.get("accessModes")) if volume else "", _class(obj),
        spec.get("volumeAttributesClassName") or UNSET, age(obj, now_s), spec.get("volumeMode") or UNSET,
    ]


def _phase(obj: Obj) -> str:
    return "Terminating" if obj["metadata"].get("deletionTimestamp") else at(obj, "status", "phase") or ""


def _modes(modes: list[str] | None) -> str:
    return ",".join(short for mode, short in ACCESS_MODES.items() if mode in (modes or ()))


def _class(obj: Obj) -> str:
    annotated = (obj["metadata"].get("annotations") or {}).get(CLASS_ANNOTATION)
    return annotated if annotated is not None else at(obj, "spec", "storageClassName") or ""


def _storage_class_cells(obj: Obj, now_s: float) -> list[Any]:
    annotations = obj["metadata"].get("annotations") or {}
    default = any(annotations.get(key) == "true" for key in DEFAULT_ANNOTATIONS)
    shown = name(obj) + (" (default)" if default else "")
    return [shown, obj.get("provisioner", ""), obj.get("reclaimPolicy", "Delete"),
            obj.get("volumeBindingMode", "Immediate"), obj.get("allowVolumeExpansion", False), age(obj, now_s)]


def _driver_cells(obj: Obj, now_s: float) -> list[Any]:
    spec = obj.get("spec") or {}
    requests = spec.get("tokenRequests")
    audiences = UNSET if requests is None else ",".join(row.get("audience", "") for row in requests)
    return [name(obj), spec.get("attachRequired", True), spec.get("podInfoOnMount", False),
            spec.get("storageCapacity", False), audiences, spec.get("requiresRepublish", False),
            ",".join(spec.get("volumeLifecycleModes") or ()) or NONE, age(obj, now_s)]


def _node_cells(obj: Obj, now_s: float) -> list[Any]:
    return [name(obj), len(at(obj, "spec", "drivers") or ()), age(obj, now_s)]


def _attachment_cells(obj: Obj, now_s: float) -> list[Any]:
    spec = obj.get("spec") or {}
    return [name(obj), spec.get("attacher", ""), at(spec, "source", "persistentVolumeName") or "",
            spec.get("nodeName", ""), at(obj, "status", "attached") or False, age(obj, now_s)]


def _attributes_cells(obj: Obj, now_s: float) -> list[Any]:
    return [name(obj), obj.get("driverName", ""), age(obj, now_s)]


GROUP = "storage.k8s.io"
MODE = Column("VolumeMode", priority=1)
FLAGS = tuple(Column(flag, type="boolean") for flag in ("AttachRequired", "PodInfoOnMount", "StorageCapacity"))
VIEWS = {
    ("", "PersistentVolume"): View(
        (NAME, *columns("Capacity", "Access Modes", "Reclaim Policy", "Status", "Claim", "StorageClass",
                        "VolumeAttributesClass", "Reason"), AGE, MODE), volume_cells),
    ("", "PersistentVolumeClaim"): View(
        (NAME, *columns("Status", "Volume", "Capacity", "Access Modes", "StorageClass", "VolumeAttributesClass"), AGE,
         MODE), claim_cells),
    (GROUP, "StorageClass"): View(
        (NAME, *columns("Provisioner", "ReclaimPolicy", "VolumeBindingMode", "AllowVolumeExpansion"), AGE),
        _storage_class_cells),
    (GROUP, "CSIDriver"): View(
        (NAME, *FLAGS, *columns("TokenRequests"), Column("RequiresRepublish", type="boolean"), *columns("Modes"), AGE),
        _driver_cells),
    (GROUP, "CSINode"): View((NAME, *columns("Drivers#"), AGE), _node_cells),
    (GROUP, "VolumeAttachment"): View(
        (NAME, Column("Attacher", format="name"), *columns("PV", "Node"), Column("Attached", type="boolean"), AGE),
        _attachment_cells),
    (GROUP, "VolumeAttributesClass"): View((NAME, *columns("DriverName"), AGE), _attributes_cells),
}

"""Defaults of volumes, claims and storage classes.

Source: kube pkg/apis/core/v1/defaults.go, storage/v1/defaults.go.
"""

from __future__ import annotations

from typing import Any


def claim(obj: dict[str, Any]) -> None:
    """Fill a PersistentVolumeClaim."""
    claim_spec(obj.setdefault("spec", {}))


def claim_spec(spec: dict[str, Any]) -> None:
    """Fill a claim's spec: a file system unless a raw block device was asked for."""
    spec["volumeMode"] = spec.get("volumeMode") or "Filesystem"
    spec.setdefault("resources", {})


def volume(obj: dict[str, Any]) -> None:
    """Fill a PersistentVolume."""
    spec = obj.setdefault("spec", {})
    spec["persistentVolumeReclaimPolicy"] = spec.get("persistentVolumeReclaimPolicy") or "Retain"
    spec["volumeMode"] = spec.get("volumeMode") or "Filesystem"
    if "hostPath" in spec:
        spec["hostPath"].setdefault("type", "")
    if "iscsi" in spec:
        spec["iscsi"].setdefault("iscsiInterface", "default")
    if "rbd" in spec:
        for name, value in (("pool", "rbd"), ("user", "admin"), ("keyring", "/etc/ceph/keyring")):
            spec["rbd"].setdefault(name, value)


def storage_class(obj: dict[str, Any]) -> None:
    """Fill the reclaim policy and the moment of binding."""
    obj.setdefault("provisioner", "")
    obj.setdefault("reclaimPolicy", "Delete")
    obj.setdefault("volumeBindingMode", "Immediate")


def csi_driver(obj: dict[str, Any]) -> None:
    """Fill a CSIDriver."""
    spec = obj.setdefault("spec", {})
    flags = {
        "attachRequired": True, "podInfoOnMount": False, "storageCapacity": False, "requiresRepublish": False,
        "seLinuxMount": False, "fsGroupPolicy": "ReadWriteOnceWithFSType",
    }
    for name, value in flags.items():
        spec.setdefault(name, value)
    if not spec.get("volumeLifecycleModes"):
        spec["volumeLifecycleModes"] = ["Persistent"]

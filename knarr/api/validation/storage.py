"""Check PersistentVolumes, PersistentVolumeClaims and StorageClasses.

Source: kube pkg/apis/core/validation/validation.go (ValidatePersistentVolumeSpec, ValidatePersistentVolumeClaimSpec,
ValidatePersistentVolumeClaimUpdate), pkg/apis/storage/validation/validation.go.
"""

from __future__ import annotations

from typing import Any, Final

from knarr.api.validation import formats
from knarr.api.validation.goview import difference
from knarr.api.validation.resources import amount
from knarr.api.validation.selector import label_selector, node_selector
from knarr.api.validation.spot import Spot
from knarr.api.validation.volumes import by_rules, local_path, only_source

MODES: Final = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
VOLUME_MODES: Final = ("Block", "Filesystem")
RECLAIM: Final = ("Delete", "Recycle", "Retain")
CLASS_RECLAIM: Final = ("Delete", "Retain")
BINDING: Final = ("Immediate", "WaitForFirstConsumer")
SOURCE_ORDER: Final = (
    "hostPath", "gcePersistentDisk", "awsElasticBlockStore", "glusterfs", "flocker", "nfs", "rbd", "quobyte", "cephfs",
    "iscsi", "cinder", "fc", "flexVolume", "azureFile", "vsphereVolume", "photonPersistentDisk", "portworxVolume",
    "azureDisk", "scaleIO", "local", "storageos", "csi",
)
CLAIM_FORBIDDEN: Final = (
    "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
)


def claim(root: Spot, obj: dict[str, Any]) -> None:
    """Check a PersistentVolumeClaim."""
    claim_spec(root.at("spec"), obj["spec"])


def claim_spec(spot: Spot, spec: dict[str, Any]) -> None:
    """Check what a claim asks for."""
    modes = spec.get("accessModes")
    if not modes:
        spot.at("accessModes").required("at least 1 access mode is required")
    _modes(spot.at("accessModes"), modes or [])
    label_selector(spot.at("selector"), spec.get("selector"))
    wanted = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if wanted is None:
        spot.at("resources").key("storage").required()
    elif amount(wanted) <= 0:
        spot.at("resources").key("storage").invalid(wanted, "must be greater than zero")
    _class_name(spot, spec)
    if spec.get("volumeMode") is not None and spec["volumeMode"] not in VOLUME_MODES:
        spot.at("volumeMode").unsupported(spec["volumeMode"], VOLUME_MODES)
    source = spec.get("dataSource")
    if source is not None:
        for name in ("name", "kind"):
            if not source.get(name):
                spot.at("dataSource").at(name).required()


def claim_update(root: Spot, new: dict[str, Any], old: dict[str, Any]) -> None:
    """Check that a claim keeps its spec; a bound one may grow, and binding may name the volume and the class."""
    now, was = dict(new["spec"]), old["spec"]
    for name in ("volumeName", "storageClassName"):
        if name not in was:
            now.pop(name, None)
    bound = (old.get("status") or {}).get("phase") == "Bound"
    if bound:
        now["resources"] = was.get("resources")
        now.pop("volumeAttributesClassName", None)
        if "volumeAttributesClassName" in was:
            now["volumeAttributesClassName"] = was["volumeAttributesClassName"]
    if now != was:
        root.at("spec").forbidden(f"{CLAIM_FORBIDDEN}\n{difference('ClaimSpec', was, now)}")
    elif bound:
        _grow(root, new, old)


def volume(root: Spot, obj: dict[str, Any]) -> None:
    """Check a PersistentVolume."""
    spot, spec = root.at("spec"), obj["spec"]
    if not spec.get("accessModes"):
        spot.at("accessModes").required()
    _modes(spot.at("accessModes"), spec.get("accessModes") or [])
    capacity = spec.get("capacity") or {}
    if not capacity:
        spot.at("capacity").required()
    if "storage" not in capacity or len(capacity) > 1:
        spot.at("capacity").unsupported(capacity, ("storage",))
    for name, value in capacity.items():
        if amount(value) <= 0:
            spot.at("capacity").key(name).invalid(value, "must be greater than zero")
    policy = spec.get("persistentVolumeReclaimPolicy")
    if policy not in RECLAIM:
        spot.at("persistentVolumeReclaimPolicy").unsupported(policy, RECLAIM)
    affinity = (spec.get("nodeAffinity") or {}).get("required")
    if affinity is not None:
        node_selector(spot.at("nodeAffinity").at("required"), affinity)
    _source(spot, spec)
    _class_name(spot, spec)
    if spec.get("volumeMode") not in VOLUME_MODES:
        spot.at("volumeMode").unsupported(spec.get("volumeMode"), VOLUME_MODES)


def volume_update(root: Spot, new: dict[str, Any], old: dict[str, Any]) -> None:
    """Check that a volume stays the same piece of storage."""
    now, was = new["spec"], old["spec"]
    if any(now.get(name) != was.get(name) for name in SOURCE_ORDER):
        root.at("spec").at("persistentvolumesource").forbidden(
            "spec.persistentvolumesource is immutable after creation")
    root.at("spec").at("volumeMode").unchanged(now.get("volumeMode"), was.get("volumeMode"))
    if "nodeAffinity" in was and now.get("nodeAffinity") != was["nodeAffinity"]:
        root.at("spec").at("nodeAffinity").unchanged(now.get("nodeAffinity"), was["nodeAffinity"])


def storage_class(root: Spot, obj: dict[str, Any]) -> None:
    """Check a StorageClass."""
    provisioner = obj.get("provisioner")
    if not provisioner:
        root.at("provisioner").required()
    else:
        root.at("provisioner").each(provisioner, formats.qualified_name(provisioner.lower()))
    if obj.get("reclaimPolicy"):  # an empty one means Delete to who provisions
        root.at("reclaimPolicy").choice(obj["reclaimPolicy"], CLASS_RECLAIM)
    if "volumeBindingMode" not in obj:
        root.at("volumeBindingMode").required()
    elif obj["volumeBindingMode"] not in BINDING:
        root.at("volumeBindingMode").unsupported(obj["volumeBindingMode"], BINDING)


def storage_class_update(root: Spot, new: dict[str, Any], old: dict[str, Any]) -> None:
    """Check that a class keeps making the same kind of volume."""
    if (new.get("parameters") or {}) != (old.get("parameters") or {}):
        root.at("parameters").forbidden("updates to parameters are forbidden.")
    for name in ("provisioner", "reclaimPolicy"):
        if new.get(name) != old.get(name):
            root.at(name).forbidden(f"updates to {name} are forbidden.")
    root.at("volumeBindingMode").unchanged(new.get("volumeBindingMode"), old.get("volumeBindingMode"))


def _modes(spot: Spot, modes: list[str]) -> None:
    for mode in modes:
        if mode not in MODES:
            spot.unsupported(mode, MODES)
    if "ReadWriteOncePod" in modes and len(modes) > 1:
        spot.forbidden("may not use ReadWriteOncePod with other access modes")


def _class_name(spot: Spot, spec: dict[str, Any]) -> None:
    if spec.get("storageClassName"):
        spot.at("storageClassName").each(spec["storageClassName"], formats.dns_subdomain(spec["storageClassName"]))


def _grow(root: Spot, new: dict[str, Any], old: dict[str, Any]) -> None:
    wanted, had = (
        ((side["spec"].get("resources") or {}).get("requests") or {}).get("storage", 0) for side in (new, old))
    capacity = ((old.get("status") or {}).get("capacity") or {}).get("storage", had)
    if amount(wanted) < amount(had) and amount(wanted) <= amount(capacity):
        root.at("spec").at("resources").at("requests").at("storage").forbidden(
            "field can not be less than status.capacity")


def _source(spot: Spot, spec: dict[str, Any]) -> None:
    def check(name: str) -> None:
        if name == "local":
            _local(spot, spec)
        else:
            by_rules(spot, spec, name)

    only_source(spot, spec, SOURCE_ORDER, check=check)


def _local(spot: Spot, spec: dict[str, Any]) -> None:
    path = spec["local"].get("path")
    if not path:
        spot.at("local").at("path").required()
    else:
        local_path(spot.at("local").at("path"), path.lstrip("/"))
    if not (spec.get("nodeAffinity") or {}).get("required"):
        spot.at("nodeAffinity").required("Local volume requires node affinity")

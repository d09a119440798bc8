"""Check what CSI drivers say of themselves, and attachments. Source: kube pkg/apis/storage/validation/validation.go."""

from __future__ import annotations

from typing import Any, Final

from knarr.api.validation import formats
from knarr.api.validation.resources import amount
from knarr.api.validation.selector import label_selector
from knarr.api.validation.spot import Spot

Obj = dict[str, Any]
NAME_MAX: Final = 63
NODE_ID_MAX: Final = 192
TOKEN_MIN_S: Final = 600
TOKEN_MAX_S: Final = 1 << 32
METADATA_MAX_BYTES: Final = 256 * 1024
PARAMETERS_MAX: Final = 512
LIFECYCLES: Final = ("Ephemeral", "Persistent")
OWNERSHIPS: Final = ("File", "None", "ReadWriteOnceWithFSType")
ONE_SOURCE: Final = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"


def driver(root: Spot, obj: Obj) -> None:
    """Check a CSIDriver."""
    spec, spot = obj.get("spec") or {}, root.at("spec")
    driver_name(root.at("metadata").at("name"), obj["metadata"].get("name", ""))
    for mode in spec.get("volumeLifecycleModes") or ():
        if mode not in LIFECYCLES:
            spot.at("volumeLifecycleModes").unsupported(mode, LIFECYCLES)
    if spec.get("fsGroupPolicy") not in OWNERSHIPS:
        spot.at("fsGroupPolicy").unsupported(spec.get("fsGroupPolicy"), OWNERSHIPS)
    audiences: set[str] = set()
    for number, row in enumerate(spec.get("tokenRequests") or ()):
        where, audience, lasts_s = spot.at("tokenRequests").index(number), row.get("audience", ""), row.get(
            "expirationSeconds")
        if audience in audiences:
            where.at("audience").duplicate(audience)
        audiences.add(audience)
        if lasts_s is not None and lasts_s < TOKEN_MIN_S:
            where.at("expirationSeconds").invalid(lasts_s, "may not specify a duration less than 10 minutes")
        if lasts_s is not None and lasts_s > TOKEN_MAX_S:
            where.at("expirationSeconds").invalid(lasts_s, "may not specify a duration larger than 2^32 seconds")


def driver_update(root: Spot, new: Obj, old: Obj) -> None:
    """Check that volumes of a driver keep being handled alike."""
    for member, said in (("attachRequired", "attachedRequired"), ("volumeLifecycleModes", "volumeLifecycleModes")):
        root.at("spec").at(said).unchanged(new["spec"].get(member), old["spec"].get(member))


def node(root: Spot, obj: Obj) -> None:
    """Check a CSINode: which drivers a node has, each once."""
    spot, seen = root.at("spec").at("drivers"), set()
    for number, row in enumerate((obj.get("spec") or {}).get("drivers") or ()):
        where, name = spot.index(number), row.get("name", "")
        driver_name(where.at("name"), name)
        _node_id(where.at("nodeID"), row.get("nodeID", ""))
        where.at("allocatable").at("count").not_negative((row.get("allocatable") or {}).get("count"))
        keys: set[str] = set()
        for key in row.get("topologyKeys") or ():
            if key in keys:
                where.at("topologyKeys").duplicate(key)
            keys.add(key)
            where.at("topologyKeys").each(key, formats.qualified_name(key))
        if name in seen:
            where.at("name").duplicate(name)
        seen.add(name)


def node_update(root: Spot, new: Obj, old: Obj) -> None:
    """Check that a driver that stays on a node stays what it is; only how much it holds may change."""
    stored = {row.get("name"): row for row in (old.get("spec") or {}).get("drivers") or ()}
    for number, row in enumerate((new.get("spec") or {}).get("drivers") or ()):
        was = stored.get(row.get("name"))
        if was is None:
            continue
        for member in ("nodeID", "topologyKeys"):
            root.at("spec").at("drivers").index(number).at(member).unchanged(row.get(member), was.get(member))


def capacity(root: Spot, obj: Obj) -> None:
    """Check a CSIStorageCapacity."""
    label_selector(root.at("nodeTopology"), obj.get("nodeTopology"))
    name = obj.get("storageClassName", "")
    root.at("storageClassName").each(name, formats.dns_subdomain(name))
    for member in ("capacity", "maximumVolumeSize"):
        value = obj.get(member)
        if value is not None and amount(value) < 0:
            root.at(member).invalid(value, "must be greater than or equal to 0")


def capacity_update(root: Spot, new: Obj, old: Obj) -> None:
    """Check that a capacity keeps speaking of the same place."""
    for member in ("nodeTopology", "storageClassName"):
        root.at(member).unchanged(new.get(member), old.get(member))


def attachment(root: Spot, obj: Obj) -> None:
    """Check a VolumeAttachment: one volume to one node."""
    spec, spot = obj.get("spec") or {}, root.at("spec")
    driver_name(spot.at("attacher"), spec.get("attacher", ""))
    source = spec.get("source") or {}
    volume, inline = source.get("persistentVolumeName"), source.get("inlineVolumeSpec")
    if volume is None and inline is None:
        spot.at("source").required(ONE_SOURCE)
    elif volume is not None and inline is not None:
        spot.at("source").forbidden(ONE_SOURCE)
    elif volume == "":
        spot.at("source").at("persistentVolumeName").required("must specify non empty persistentVolumeName")
    spot.at("nodeName").each(spec.get("nodeName", ""), formats.dns_subdomain(spec.get("nodeName", "")))
    _metadata(root, obj)


def attachment_update(root: Spot, new: Obj, old: Obj) -> None:
    """Check that an attachment stays between the same volume and node."""
    root.at("spec").unchanged(new.get("spec"), old.get("spec"))


def attachment_status(root: Spot, new: Obj, _: Obj) -> None:
    """Check what an attacher writes."""
    _metadata(root, new)


def attributes_class(root: Spot, obj: Obj) -> None:
    """Check a VolumeAttributesClass."""
    driver_name(root.at("driverName"), obj.get("driverName", ""))
    parameters = obj.get("parameters") or {}
    if not parameters:
        root.at("parameters").required("must contain at least one key/value pair")
    if len(parameters) > PARAMETERS_MAX:
        root.at("parameters").too_long(PARAMETERS_MAX)
    if "" in parameters:
        root.at("parameters").invalid("", "field can not be empty")


def attributes_class_update(root: Spot, new: Obj, old: Obj) -> None:
    """Check that a class keeps meaning the same."""
    for member in ("driverName", "parameters"):
        if new.get(member) != old.get(member):
            root.at(member).forbidden(f"updates to {member} are forbidden.")


def driver_name(spot: Spot, name: str) -> None:
    """Check the name of a CSI driver: a domain name of at most 63 characters, in any case."""
    if not name:
        spot.required()
        return
    if len(name) > NAME_MAX:
        spot.too_long(NAME_MAX)
    spot.each(name, formats.dns_subdomain(name.lower()))


def _node_id(spot: Spot, value: str) -> None:
    if not value:
        spot.required()
    elif len(value) > NODE_ID_MAX:
        spot.invalid(value, f"must be {NODE_ID_MAX} characters or less")


def _metadata(root: Spot, obj: Obj) -> None:
    held = (obj.get("status") or {}).get("attachmentMetadata") or {}
    if sum(len(key.encode()) + len(value.encode()) for key, value in held.items()) > METADATA_MAX_BYTES:
        root.at("status").at("attachmentMetadata").too_long(METADATA_MAX_BYTES)

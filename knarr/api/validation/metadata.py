"""Check the metadata of any object. Source: kube apimachinery pkg/api/validation/objectmeta.go.

What names a kind allows stands in NAMES; everything else is a subdomain.
"""

from __future__ import annotations

from typing import Any, Final

from knarr.api.kinds import Kind
from knarr.api.validation import addresses, formats
from knarr.api.validation.formats import Check
from knarr.api.validation.spot import Raw, Spot

ANNOTATIONS_MAX_BYTES: Final = 256 * 1024   # of all keys and values together
CRON_NAME_MAX: Final = 52                   # leaves room for the suffix of its jobs
STANDARD_FINALIZERS: Final = frozenset({"kubernetes", "foregroundDeletion", "orphan"})


def _cron_name(value: str) -> formats.Faults:
    too_long = (f"must be no more than {CRON_NAME_MAX} characters",) if len(value) > CRON_NAME_MAX else ()
    return (*formats.dns_subdomain(value), *too_long)


NAMES: Final[dict[tuple[str, str], Check]] = {
    ("", "Namespace"): formats.dns_label,
    ("", "Service"): formats.dns_label,
    ("apiregistration.k8s.io", "APIService"): formats.path_segment,
    ("apps", "StatefulSet"): formats.dns_label,
    ("batch", "CronJob"): _cron_name,
    ("networking.k8s.io", "IPAddress"): addresses.address_name,
    ("networking.k8s.io", "NetworkPolicy"): formats.dns_subdomain,
    ("rbac.authorization.k8s.io", "ClusterRole"): formats.path_segment,
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): formats.path_segment,
    ("rbac.authorization.k8s.io", "Role"): formats.path_segment,
    ("rbac.authorization.k8s.io", "RoleBinding"): formats.path_segment,
}
PREFIXES: Final[dict[tuple[str, str], Check]] = {
    key: formats.path_segment_prefix if check is formats.path_segment else formats.prefix_of(check)
    for key, check in NAMES.items()
}
ANONYMOUS: Final[dict[str, Check]] = {
    "generateName": formats.path_segment_prefix, "name": formats.path_segment, "namespace": formats.dns_label,
}
_subdomain_prefix: Final = formats.prefix_of(formats.dns_subdomain)


def create(spot: Spot, kind: Kind, metadata: dict[str, Any]) -> None:
    """Check a new object's metadata. The name is there by now, or is about to be made from `generateName`."""
    key = (kind.group, kind.kind)
    prefix, name = metadata.get("generateName"), metadata.get("name")
    if prefix:
        spot.at("generateName").each(prefix, PREFIXES.get(key, _subdomain_prefix)(prefix))
    if name:
        faults = NAMES.get(key, formats.dns_subdomain)(name)
        if faults:
            spot.at("name").each(name, faults)
    elif not prefix:
        spot.at("name").required("name or generateName is required")
    _namespace(spot, kind, metadata.get("namespace"))
    _rest(spot, metadata)


def of_any_kind(spot: Spot, metadata: dict[str, Any]) -> None:
    """Check the metadata of an object inside of another one, whose kind nobody here knows; it may have no name."""
    for name, check in ANONYMOUS.items():
        if metadata.get(name):
            spot.at(name).each(metadata[name], check(metadata[name]))
    _rest(spot, metadata)


def _rest(spot: Spot, metadata: dict[str, Any]) -> None:
    if metadata.get("generation", 0) < 0:
        spot.at("generation").not_negative(metadata["generation"])
    shared(spot, metadata)


def update(spot: Spot, new: dict[str, Any], old: dict[str, Any]) -> None:
    """Check what a write does to metadata: identity stays, and a dying object takes no new finalizers."""
    if old.get("deletionTimestamp"):
        fresh = [name for name in new.get("finalizers") or () if name not in (old.get("finalizers") or ())]
        if fresh:
            listed = ", ".join(f'"{name}"' for name in fresh)
            spot.at("finalizers").forbidden("no new finalizers can be added if the object is being deleted, "
                                            f"found new finalizers []string{{{listed}}}")
    for name in ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"):
        was, now = old.get(name), new.get(name)
        if was != now and (was or now):
            spot.at(name).unchanged(Raw("null") if now is None else now, was)
    shared(spot, new)


def shared(spot: Spot, metadata: dict[str, Any]) -> None:
    """Check what every version of the object must fulfil: labels, annotations, owners, finalizers."""
    if metadata.get("labels"):
        check_labels(spot.at("labels"), metadata["labels"])
    if metadata.get("annotations"):
        check_annotations(spot.at("annotations"), metadata["annotations"])
    if metadata.get("ownerReferences"):
        _owners(spot.at("ownerReferences"), metadata["ownerReferences"])
    if metadata.get("finalizers"):
        finalizers(spot.at("finalizers"), metadata["finalizers"])


def check_labels(spot: Spot, values: dict[str, str]) -> None:
    """Check keys and values of labels; the path names the map, not the key."""
    for key, value in values.items():
        faults = formats.qualified_name(key)
        if faults:
            spot.each(key, faults)
        faults = formats.label_value(value)
        if faults:
            spot.each(value, faults)


def check_annotations(spot: Spot, values: dict[str, str]) -> None:
    """Check keys and the total size of annotations."""
    size_bytes = 0
    for key, value in values.items():
        faults = formats.qualified_name(key.lower())
        if faults:
            spot.each(key, faults)
        size_bytes += len(key.encode()) + len(value.encode())
    if size_bytes > ANNOTATIONS_MAX_BYTES:
        spot.too_long(ANNOTATIONS_MAX_BYTES)


def finalizers(spot: Spot, values: list[str]) -> None:
    """Check that finalizers are qualified names, and that an object is not both orphaning and waiting for its own."""
    for number, value in enumerate(values):
        faults = formats.qualified_name(value)
        if faults:
            spot.index(number).each(value, faults)
        elif "/" not in value and value not in STANDARD_FINALIZERS:
            spot.index(number).invalid(value, "name is neither a standard finalizer name nor is it fully qualified")
    if "orphan" in values and "foregroundDeletion" in values:
        spot.invalid(values, "finalizer orphan and foregroundDeletion cannot be both set")


def _namespace(spot: Spot, kind: Kind, namespace: str | None) -> None:
    if not kind.namespaced:
        if namespace:
            spot.at("namespace").forbidden("not allowed on this type")
    elif not namespace:
        spot.at("namespace").required()
    else:
        faults = formats.dns_label(namespace)
        if faults:
            spot.at("namespace").each(namespace, faults)


def _owners(spot: Spot, owners: list[dict[str, Any]]) -> None:
    controller: dict[str, Any] | None = None
    for owner in owners:
        _owner(spot, owner)
        if not owner.get("controller"):
            continue
        if controller is not None:
            spot.invalid(owners, "Only one reference can have Controller set to true. Found \"true\" in references for "
                                 f"{controller.get('name')} and {owner.get('name')}")
        controller = owner


def _owner(spot: Spot, owner: dict[str, Any]) -> None:
    version = str(owner.get("apiVersion") or "")
    if not version.rpartition("/")[2]:
        spot.at("apiVersion").invalid(version, "version must not be empty")
    for name in ("kind", "name", "uid"):
        if not owner.get(name):
            spot.at(name).invalid("", "must not be empty")
    if version in ("v1", "events.k8s.io/v1") and owner.get("kind") == "Event":
        spot.invalid(owner, f"{version}, Kind=Event is disallowed from being an owner")

"""Check environment variables and where their values come from.

Source: kube pkg/apis/core/validation/validation.go (ValidateEnv, validateEnvVarValueFrom, ValidateEnvFrom).
"""

from __future__ import annotations

import re
from typing import Any, Final

from knarr.api.validation import formats
from knarr.api.validation.spot import Spot

KNOWN_FIELDS: Final = frozenset({
    "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName",
    "spec.restartPolicy", "spec.serviceAccountName", "spec.schedulerName", "status.phase", "status.hostIP",
    "status.hostIPs", "status.podIP", "status.podIPs",
})
ENV_FIELDS: Final = (
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP",
    "status.hostIPs", "status.podIP", "status.podIPs",
)
VOLUME_FIELDS: Final = (
    "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid",
)
ENV_RESOURCES: Final = (
    "limits.cpu", "limits.ephemeral-storage", "limits.memory",
    "requests.cpu", "requests.ephemeral-storage", "requests.memory",
)
SOURCES: Final = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
SUBSCRIPT: Final = re.compile(r"(metadata\.(?:annotations|labels))\['(.*)'\]")


def variables(spot: Spot, items: list[dict[str, Any]]) -> None:
    """Check `env`."""
    for number, item in enumerate(items):
        name = item.get("name")
        if not name:
            spot.index(number).at("name").required()
        else:
            faults = formats.env_name(name)
            if faults:
                spot.index(number).at("name").each(name, faults)
        source = item.get("valueFrom")
        if source is not None:
            _value_from(spot.index(number).at("valueFrom"), source, has_value=bool(item.get("value")))


def sources(spot: Spot, items: list[dict[str, Any]]) -> None:
    """Check `envFrom`."""
    for number, item in enumerate(items):
        inner = spot.index(number)
        if item.get("prefix"):
            inner.at("prefix").each(item["prefix"], formats.env_name(item["prefix"]))
        given = [name for name in ("configMapRef", "secretRef") if item.get(name) is not None]
        for name in given:
            _reference(inner.at(name), item[name])
        if not given:
            inner.invalid("", "must specify one of: `configMapRef` or `secretRef`")
        elif len(given) > 1:
            inner.invalid("", "may not have more than one field specified at a time")


def field_ref(spot: Spot, reference: dict[str, Any], allowed: tuple[str, ...]) -> None:
    """Check which field of the pod a variable or file shows."""
    if not reference.get("apiVersion"):
        spot.at("apiVersion").required()
        return
    path = reference.get("fieldPath")
    if not path:
        spot.at("fieldPath").required()
        return
    subscript = SUBSCRIPT.fullmatch(path)
    if subscript is not None:
        _subscript(spot.at("fieldPath"), subscript[1], subscript[2])
    elif path not in KNOWN_FIELDS:
        spot.at("fieldPath").invalid(path, f"error converting fieldPath: field label not supported: {path}")
    elif path not in allowed:
        spot.at("fieldPath").unsupported(path, allowed)


def resource_ref(spot: Spot, reference: dict[str, Any], *, in_volume: bool) -> None:
    """Check which resource of a container a variable or file shows. in_volume: then the container must be named."""
    if in_volume and not reference.get("containerName"):
        spot.at("containerName").required()
    resource = reference.get("resource") or ""
    if not resource:
        spot.at("resource").required()
    elif resource not in ENV_RESOURCES and not resource.startswith(("requests.hugepages-", "limits.hugepages-")):
        spot.at("resource").unsupported(resource, ENV_RESOURCES)


def _value_from(spot: Spot, source: dict[str, Any], *, has_value: bool) -> None:
    given = [name for name in SOURCES if source.get(name) is not None]
    if "fieldRef" in given:
        field_ref(spot.at("fieldRef"), source["fieldRef"], ENV_FIELDS)
    if "resourceFieldRef" in given:
        resource_ref(spot.at("resourceFieldRef"), source["resourceFieldRef"], in_volume=False)
    for name in ("configMapKeyRef", "secretKeyRef"):
        if name in given:
            _key(spot.at(name), source[name])
    if not given:
        spot.invalid("", "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` "
                         "or `fileKeyRef`")
    elif has_value:
        spot.invalid("", "may not be specified when `value` is not empty")
    elif len(given) > 1:
        spot.invalid("", "may not have more than one field specified at a time")


def _key(spot: Spot, reference: dict[str, Any]) -> None:
    _reference(spot, reference)
    key = reference.get("key")
    if not key:
        spot.at("key").required()
    else:
        spot.at("key").each(key, formats.config_key(key))


def _reference(spot: Spot, reference: dict[str, Any]) -> None:
    name = reference.get("name")
    if name:
        faults = formats.dns_subdomain(name)
        if faults:
            spot.at("name").each(name, faults)


def _subscript(spot: Spot, path: str, key: str) -> None:
    check = key.lower() if path == "metadata.annotations" else key
    spot.each(key, formats.qualified_name(check))

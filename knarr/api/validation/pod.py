"""Check a Pod and any pod template.

Source: kube pkg/apis/core/validation/validation.go (ValidatePodCreate, ValidatePodSpec, ValidatePodTemplateSpec).
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from knarr.api.alike import BYTES_MAX, Alike
from knarr.api.errors import Cause
from knarr.api.validation import formats, scheduling, security
from knarr.api.validation.container import Containers
from knarr.api.validation.metadata import check_annotations, check_labels
from knarr.api.validation.resources import requirements
from knarr.api.validation.spot import Spot
from knarr.api.validation.volumes import volumes

SOUND: Final[Alike[bool]] = Alike()  # specs without faults
TOKEN_VOLUME: Final = re.compile(rb'"kube-api-access-[a-z0-9]{5}"')
ANY_TOKEN_VOLUME: Final = b'"kube-api-access-aaaaa"'
INT32_MAX: Final = 2**31 - 1
RESTART: Final = ("Always", "OnFailure", "Never")
DNS: Final = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
NAMESERVERS_MAX: Final = 3
SEARCHES_MAX: Final = 32
PREEMPTION: Final = ("Never", "PreemptLowerPriority")
KERNEL_NAME_MAX: Final = 64     # characters of a host name. Source: linux/utsname.h, __NEW_UTS_LEN
SYSTEMS: Final = ("linux", "windows")


def pod(spot: Spot, obj: dict[str, Any]) -> None:
    """Check a new Pod."""
    spec = spot.at("spec")
    pod_spec(spec, obj["spec"])
    if obj["spec"].get("ephemeralContainers"):
        spec.at("ephemeralContainers").forbidden("cannot be set on create")


def template(spot: Spot, value: dict[str, Any]) -> None:
    """Check a PodTemplateSpec."""
    metadata = value.get("metadata") or {}
    if metadata.get("labels"):
        check_labels(spot.at("labels"), metadata["labels"])
    if metadata.get("annotations"):
        check_annotations(spot.at("annotations"), metadata["annotations"])
    spec = value.get("spec") or {}
    pod_spec(spot.at("spec"), spec)
    if spec.get("ephemeralContainers"):
        spot.at("spec").at("ephemeralContainers").forbidden("ephemeral containers not allowed in pod template")


def pod_spec(spot: Spot, spec: dict[str, Any]) -> None:
    """Check a PodSpec, in the order in which Kubernetes lists its faults. Of many alike, the first is walked."""
    content = _content(spec)
    if not content or not SOUND.recall(content, lambda: _sound(spec)):
        _walk(spot, spec)


def _content(spec: dict[str, Any]) -> bytes:
    """Return what a spec says, its token volume by the same name in all pods; nothing where it says too much."""
    try:
        content = orjson.dumps(spec)
    except TypeError:
        return b""  # what JSON cannot say is refused where it is stored
    if len(content) > BYTES_MAX:
        return b""
    drawn = set(TOKEN_VOLUME.findall(content))
    return content.replace(drawn.pop(), ANY_TOKEN_VOLUME) if len(drawn) == 1 else content  # two stay two


def _sound(spec: dict[str, Any]) -> bool:
    causes: list[Cause] = []
    _walk(Spot("", causes), spec)
    return not causes


def _walk(spot: Spot, spec: dict[str, Any]) -> None:
    declared = volumes(spot.at("volumes"), spec["volumes"]) if spec.get("volumes") else {}
    Containers(spec, declared).check(spot)
    spot.at("restartPolicy").choice(spec.get("restartPolicy"), RESTART)
    _dns(spot, spec)
    if spec.get("nodeSelector"):
        check_labels(spot.at("nodeSelector"), spec["nodeSelector"])
    if spec.get("securityContext"):
        security.pod_context(spot.at("securityContext"), spec["securityContext"])
    scheduling.check(spot, spec)
    _names(spot, spec)
    if spec.get("resources"):
        requirements(spot.at("resources"), spec["resources"], claims=())
    for number, alias in enumerate(spec.get("hostAliases") or ()):
        _alias(spot.at("hostAliases").index(number), alias)


def _dns(spot: Spot, spec: dict[str, Any]) -> None:
    policy, config = spec.get("dnsPolicy"), spec.get("dnsConfig")
    spot.at("dnsPolicy").choice(policy, DNS)
    if policy == "None" and config is None:
        spot.at("dnsConfig").required("must provide `dnsConfig` when `dnsPolicy` is None")
    if config is None:
        return
    inner = spot.at("dnsConfig")
    servers, searches = config.get("nameservers") or (), config.get("searches") or ()
    if policy == "None" and not servers:
        inner.at("nameservers").required("must provide at least one DNS nameserver when `dnsPolicy` is None")
    if len(servers) > NAMESERVERS_MAX:
        inner.at("nameservers").invalid(servers, f"must not have more than {NAMESERVERS_MAX} nameservers")
    for number, server in enumerate(servers):
        inner.at("nameservers").index(number).each(server, formats.ip(server))
    if len(searches) > SEARCHES_MAX:
        inner.at("searches").invalid(searches, f"must not have more than {SEARCHES_MAX} search paths")
    for number, search in enumerate(searches):
        if search != ".":
            inner.at("searches").index(number).each(search, formats.dns_subdomain(search.removesuffix(".")))
    for number, option in enumerate(config.get("options") or ()):
        if not option.get("name"):
            inner.at("options").index(number).required("must not be empty")


def _names(spot: Spot, spec: dict[str, Any]) -> None:
    for name in ("serviceAccountName", "nodeName", "priorityClassName", "runtimeClassName"):
        if spec.get(name):
            faults = formats.dns_subdomain(spec[name])
            if faults:
                spot.at(name).each(spec[name], faults)
    seconds = spec.get("activeDeadlineSeconds")
    if seconds is not None:
        spot.at("activeDeadlineSeconds").between(seconds, 1, INT32_MAX)
    for name in ("hostname", "subdomain"):
        if spec.get(name):
            spot.at(name).each(spec[name], formats.dns_label(spec[name]))
    if spec.get("hostnameOverride") is not None:
        _override(spot, spec, spec["hostnameOverride"])
    if spec.get("preemptionPolicy"):
        spot.at("preemptionPolicy").choice(spec["preemptionPolicy"], PREEMPTION)
    if spec.get("os"):
        spot.at("os").at("name").choice(spec["os"].get("name"), SYSTEMS)


def _override(spot: Spot, spec: dict[str, Any], name: str) -> None:
    """Check a host name that no other field has a say in. Source: kube core/v1 types.go, HostnameOverride."""
    inner = spot.at("hostnameOverride")
    inner.each(name, formats.dns_subdomain(name))
    if len(name) > KERNEL_NAME_MAX:
        inner.too_long(KERNEL_NAME_MAX)
    for field in ("hostNetwork", "setHostnameAsFQDN"):
        if spec.get(field):
            spot.at(field).forbidden("may not be true when `hostnameOverride` is set")


def _alias(spot: Spot, alias: dict[str, Any]) -> None:
    address = alias.get("ip") or ""
    spot.at("ip").each(address, formats.ip(address))
    for number, name in enumerate(alias.get("hostnames") or ()):
        spot.at("hostnames").index(number).each(name, formats.dns_subdomain(name))

"""Check Ingresses and IngressClasses. Source: kube pkg/apis/networking/validation/validation.go."""

from __future__ import annotations

from typing import Any, Final

from knarr.api.validation import formats
from knarr.api.validation.spot import Raw, Spot

PATH_TYPES: Final = ("Exact", "ImplementationSpecific", "Prefix")
PATH_PARTS: Final = ("//", "/./", "/../", "%2f", "%2F")
PATH_ENDS: Final = ("/..", "/.")
CONTROLLER_MAX: Final = 250   # characters


def ingress(root: Spot, obj: dict[str, Any]) -> None:
    """Check an Ingress."""
    spot, spec = root.at("spec"), obj.get("spec") or {}
    rules, default = spec.get("rules") or (), spec.get("defaultBackend")
    if not rules and default is None:
        spot.invalid(Raw("null"), "either `defaultBackend` or `rules` must be specified")
    if default is not None:
        _backend(spot.at("defaultBackend"), default)
    for number, rule in enumerate(rules):
        _rule(spot.at("rules").index(number), rule)
    for number, item in enumerate(spec.get("tls") or ()):
        for place, host in enumerate(item.get("hosts") or ()):
            check = formats.wildcard_subdomain if "*" in host else formats.dns_subdomain
            spot.at("tls").index(number).at("hosts").index(place).each(host, check(host))
    name = spec.get("ingressClassName")
    if name is not None:
        spot.at("ingressClassName").each(name, formats.dns_subdomain(name))


def ingress_class(root: Spot, obj: dict[str, Any]) -> None:
    """Check an IngressClass."""
    spot, spec = root.at("spec"), obj.get("spec") or {}
    controller = spec.get("controller") or ""
    if not controller:
        spot.at("controller").required()
    elif "/" not in controller:
        spot.at("controller").invalid(
            controller, "must be a domain-prefixed path (such as \"acme.io/foo\")")
    if len(controller) > CONTROLLER_MAX:
        spot.at("controller").too_long(CONTROLLER_MAX)
    parameters = spec.get("parameters")
    if parameters is not None:
        for name in ("kind", "name"):
            if not parameters.get(name):
                spot.at("parameters").at(name).required()


def ingress_class_update(root: Spot, new: dict[str, Any], old: dict[str, Any]) -> None:
    """Check that a class keeps its controller."""
    now, was = ((side.get("spec") or {}).get("controller") for side in (new, old))
    root.at("spec").at("controller").unchanged(now, was)


def _rule(spot: Spot, rule: dict[str, Any]) -> None:
    host = rule.get("host")
    if host:
        if formats.address(host):
            spot.at("host").invalid(host, "must be a DNS name, not an IP address")
        else:
            check = formats.wildcard_subdomain if "*" in host else formats.dns_subdomain
            spot.at("host").each(host, check(host))
    http = rule.get("http")
    if http is None:
        return
    if not http.get("paths"):
        spot.at("http").at("paths").required()
    for number, path in enumerate(http.get("paths") or ()):
        _path(spot.at("http").at("paths").index(number), path)


def _path(spot: Spot, item: dict[str, Any]) -> None:
    kind, path = item.get("pathType"), item.get("path") or ""
    if kind is None:
        spot.at("pathType").required("pathType must be specified")
    elif kind not in PATH_TYPES:
        spot.at("pathType").unsupported(kind, PATH_TYPES)
    elif kind == "ImplementationSpecific":
        if path and not path.startswith("/"):
            spot.at("path").invalid(path, "must be an absolute path")
    else:
        _literal_path(spot.at("path"), path)
    _backend(spot.at("backend"), item.get("backend") or {})


def _literal_path(spot: Spot, path: str) -> None:
    if not path.startswith("/"):
        spot.invalid(path, "must be an absolute path")
        return
    for part in PATH_PARTS:
        if part in path:
            spot.invalid(path, f"must not contain '{part}'")
    for end in PATH_ENDS:
        if path.endswith(end):
            spot.invalid(path, f"cannot end with '{end}'")


def _backend(spot: Spot, backend: dict[str, Any]) -> None:
    service, resource = backend.get("service"), backend.get("resource")
    if service is not None and resource is not None:
        spot.invalid("", "cannot set both resource and service backends")
    elif resource is not None:
        for name in ("kind", "name"):
            if not resource.get(name):
                spot.at("resource").at(name).required()
    elif service is not None:
        _service(spot, service)
    else:
        spot.invalid("", "resource or service backend is required")


def _service(spot: Spot, service: dict[str, Any]) -> None:
    name, port = service.get("name") or "", service.get("port") or {}
    if not name:
        spot.at("service").at("name").required()
    else:
        spot.at("service").at("name").each(name, formats.dns_label(name))
    label, number = port.get("name"), port.get("number")
    inner = spot.at("service").at("port")
    if label and number:
        spot.invalid("", "cannot set both port name & port number")
    elif label:
        inner.at("name").each(label, formats.port_name(label))
    elif number:
        inner.at("number").each(number, formats.port_number(number))
    else:
        spot.required("port name or number is required")

"""Check APIServices. Source: kube-aggregator pkg/apis/apiregistration/validation/validation.go."""

from __future__ import annotations

from typing import Any, Final

from knarr.api.validation import formats
from knarr.api.validation.spot import Spot

GROUP_PRIORITY_MAX: Final = 20000
VERSION_PRIORITY_MAX: Final = 1000
CONDITIONS: Final = ("False", "True", "Unknown")


def api_service(root: Spot, obj: dict[str, Any]) -> None:
    """Check a whole APIService: its name is made of what it serves."""
    spec, spot = obj.get("spec") or {}, root.at("spec")
    group, version = spec.get("group") or "", spec.get("version") or ""
    name = f"{version}.{group}"
    if obj["metadata"].get("name") != name:
        root.at("metadata").at("name").invalid(
            obj["metadata"].get("name", ""), f'must be `spec.version+"."+spec.group`: "{name}"')
    if not group and version != "v1":
        spot.at("group").required("only v1 may have an empty group and it better be legacy kube")
    if group:
        spot.at("group").each(group, formats.dns_subdomain(group))
    spot.at("version").each(version, formats.dns_1035_label(version))
    for member, most in (("groupPriorityMinimum", GROUP_PRIORITY_MAX), ("versionPriority", VERSION_PRIORITY_MAX)):
        value = spec.get(member) or 0
        if not 0 < value <= most:
            spot.at(member).invalid(value, f"must be positive and less than {most}")
    _service(spot, spec)


def status_update(root: Spot, new: dict[str, Any], _: dict[str, Any]) -> None:
    """Check what is written to the status."""
    for number, row in enumerate((new.get("status") or {}).get("conditions") or ()):
        if row.get("status") not in CONDITIONS:
            root.at("status").at("conditions").index(number).at("status").unsupported(row.get("status"), CONDITIONS)


def _service(spot: Spot, spec: dict[str, Any]) -> None:
    """Check where the server is. Unlike in Kubernetes the core group cannot be elsewhere: every part here needs it."""
    service, bundle, unverified = spec.get("service"), spec.get("caBundle"), bool(spec.get("insecureSkipTLSVerify"))
    if service is None:
        if bundle:
            size_bytes = len(bundle) * 3 // 4 - bundle.count("=")
            spot.at("caBundle").invalid(f"{size_bytes} bytes", "local APIServices may not have a caBundle")
        if unverified:
            spot.at("insecureSkipTLSVerify").invalid(
                unverified, "local APIServices may not have insecureSkipTLSVerify")
        return
    if not spec.get("group"):
        spot.at("service").forbidden("the core group is served by this server itself")
    for member in ("namespace", "name"):
        if not service.get(member):
            spot.at("service").at(member).required()
    port = service.get("port") or 0
    faults = formats.port_number(port)
    if faults:
        spot.at("service").at("port").invalid(port, f"port is not valid: {','.join(faults)}")
    if unverified and bundle:
        spot.at("insecureSkipTLSVerify").invalid(unverified, "may not be true if caBundle is present")

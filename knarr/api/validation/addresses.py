"""Check IPAddresses and ServiceCIDRs. Source: kube pkg/apis/networking/validation/validation.go."""

from __future__ import annotations

from typing import Any, Final

from knarr.api.validation import formats
from knarr.api.validation.spot import Spot

Obj = dict[str, Any]
CIDRS_MAX: Final = 2        # one for each family of addresses
TWO_FAMILIES: Final = (
    "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"
)


def address_name(value: str) -> formats.Faults:
    """An IPAddress is named as the address itself, in its one canonical form."""
    parsed = formats.address(value)
    if parsed is None:
        return formats.ip(value)
    return () if str(parsed) == value else ("must be a canonical format IP address",)


def address(root: Spot, obj: Obj) -> None:
    """Check an IPAddress: it says what has the address."""
    parent, spot = (obj.get("spec") or {}).get("parentRef"), root.at("spec").at("parentRef")
    if not parent:
        spot.required()
        return
    if parent.get("group"):
        spot.at("group").each(parent["group"], formats.dns_subdomain(parent["group"]))
    for member in ("resource", "name"):
        if parent.get(member):
            spot.at(member).each(parent[member], formats.path_segment(parent[member]))
        else:
            spot.at(member).required()
    if parent.get("namespace"):
        spot.at("namespace").each(parent["namespace"], formats.path_segment(parent["namespace"]))


def address_update(root: Spot, new: Obj, old: Obj) -> None:
    """Check that an address does not change hands."""
    root.at("spec").at("parentRef").unchanged(
        (new.get("spec") or {}).get("parentRef"), (old.get("spec") or {}).get("parentRef"))


def service_range(root: Spot, obj: Obj) -> None:
    """Check a ServiceCIDR: one range for each family at most."""
    spec, spot = obj.get("spec") or {}, root.at("spec").at("cidrs")
    cidrs = spec.get("cidrs") or []
    if not cidrs:
        spot.required("at least one CIDR required")
        return
    if len(cidrs) > CIDRS_MAX:
        spot.invalid(spec, "may only hold up to 2 values")
        return
    parsed = [formats.network(text) for text in cidrs]
    if len(cidrs) == CIDRS_MAX and len({found.version for found in parsed if found is not None}) < CIDRS_MAX:
        spot.invalid(spec, TWO_FAMILIES)
        return
    for number, (text, found) in enumerate(zip(cidrs, parsed, strict=True)):
        if found is None:
            spot.index(number).each(text, formats.cidr(text))
        elif str(found) != text:
            spot.index(number).invalid(text, f'must be in canonical form ("{found}")')


def service_range_update(root: Spot, new: Obj, old: Obj) -> None:
    """Check that a range stays what it is."""
    root.at("spec").at("cidrs").unchanged(
        (new.get("spec") or {}).get("cidrs"), (old.get("spec") or {}).get("cidrs"))

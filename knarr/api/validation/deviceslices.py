"""Check ResourceSlices: what devices a driver offers. Source: kube pkg/apis/resource/validation/validation.go."""

from __future__ import annotations

from typing import Any, Final

from knarr.api.validation import formats
from knarr.api.validation.csi import driver_name
from knarr.api.validation.devices import c_identifier, every, label, pool_name
from knarr.api.validation.selector import node_selector
from knarr.api.validation.spot import Spot

Obj = dict[str, Any]
DEVICES_MAX: Final = 128
DEVICES_WITH_MORE_MAX: Final = 64        # with taints or counters, which weigh more
COUNTER_SETS_MAX: Final = 8
VALUES_MAX: Final = 32                   # attributes and capacities of one device
TEXT_MAX: Final = 64                     # characters of an attribute's text
TAINTS_MAX: Final = 16
EFFECTS: Final = ("NoExecute", "NoSchedule", "None")
KINDS: Final = ("int", "bool", "string", "version", "ints", "bools", "strings", "versions")
PLACES: Final = ("nodeName", "nodeSelector", "allNodes", "perDeviceNodeSelection")
ONE_PLACE: Final = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"


def resource_slice(root: Spot, obj: Obj) -> None:
    """Check a ResourceSlice."""
    spec, spot = obj.get("spec") or {}, root.at("spec")
    driver_name(spot.at("driver"), spec.get("driver", ""))
    _pool(spot.at("pool"), spec.get("pool") or {})
    _place(spot, spec)
    if spec.get("sharedCounters") is not None and spec.get("devices") is not None:
        spot.invalid("", "only one of `sharedCounters` or `devices` is allowed")
    devices = spec.get("devices") or []
    weighty = any(row.get("taints") or row.get("consumesCounters") for row in devices)
    every(spot.at("devices"), devices, check=_device, key="name",
          count_max=DEVICES_WITH_MORE_MAX if weighty else DEVICES_MAX)
    every(spot.at("sharedCounters"), spec.get("sharedCounters") or [], check=_counters, key="name",
          count_max=COUNTER_SETS_MAX)


def resource_slice_update(root: Spot, new: Obj, old: Obj) -> None:
    """Check that a slice stays with its driver, pool and node."""
    spot, now, was = root.at("spec"), new.get("spec") or {}, old.get("spec") or {}
    spot.at("pool").at("name").unchanged((now.get("pool") or {}).get("name"), (was.get("pool") or {}).get("name"))
    for member in ("driver", "nodeName"):
        spot.at(member).unchanged(now.get(member), was.get(member))


def _pool(spot: Spot, pool: Obj) -> None:
    pool_name(spot.at("name"), pool.get("name", ""))
    count, generation = pool.get("resourceSliceCount", 0), pool.get("generation", 0)
    if count <= 0:
        spot.at("resourceSliceCount").invalid(count, "must be greater than zero")
    if generation < 0:
        spot.at("generation").invalid(generation, "must be greater than or equal to zero")


def _place(spot: Spot, spec: Obj) -> None:
    said = [name for name in PLACES if spec.get(name)]
    if spec.get("nodeName"):
        spot.at("nodeName").each(spec["nodeName"], formats.dns_subdomain(spec["nodeName"]))
    elif spec.get("nodeName") == "":
        spot.at("nodeName").invalid("", "must be either unset or set to a non-empty string")
    if spec.get("nodeSelector"):
        node_selector(spot.at("nodeSelector"), spec["nodeSelector"])
        terms = spec["nodeSelector"].get("nodeSelectorTerms") or []
        if len(terms) != 1:
            spot.at("nodeSelector").at("nodeSelectorTerms").invalid(terms, "must have exactly one node selector term")
    for name in PLACES[2:]:
        if spec.get(name) is False:
            spot.at(name).invalid(False, "must be either unset or set to true")
    if not said:
        spot.required(ONE_PLACE)
    elif len(said) > 1:
        shown = ", ".join(f"`{name}`" for name in said)
        spot.invalid(f"{{{shown}}}", f"{ONE_PLACE}, but multiple fields are set")


def _device(spot: Spot, device: Obj) -> None:
    label(spot.at("name"), device.get("name", ""))
    attributes, capacity = device.get("attributes") or {}, device.get("capacity") or {}
    count = len(attributes) + len(capacity)
    if count > VALUES_MAX:
        spot.invalid(count, f"the total number of attributes and capacities must not exceed {VALUES_MAX}")
    for name, value in attributes.items():
        where = spot.at("attributes").key(name)
        _qualified(where, name)
        _attribute(where, value)
    for name in capacity:
        _qualified(spot.at("capacity").key(name), name)
    every(spot.at("taints"), device.get("taints") or [], check=_taint, count_max=TAINTS_MAX)


def _qualified(spot: Spot, name: str) -> None:
    domain, slash, rest = name.rpartition("/")
    if slash:
        spot.each(domain, formats.dns_subdomain(domain))
    if rest:
        c_identifier(spot, rest)
    else:
        spot.required("the name must not be empty")


def _attribute(spot: Spot, value: Obj) -> None:
    said = [kind for kind in KINDS if value.get(kind) is not None]
    if not said:
        spot.required("exactly one value must be specified")
    elif len(said) > 1:
        spot.invalid(value, "exactly one value must be specified")
    for kind in ("string", "version"):
        text = value.get(kind)
        if text is not None and len(text) > TEXT_MAX:
            spot.at(kind).too_long(TEXT_MAX)


def _taint(spot: Spot, taint: Obj) -> None:
    spot.at("key").each(taint.get("key", ""), formats.qualified_name(taint.get("key", "")))
    if taint.get("value"):
        spot.at("value").each(taint["value"], formats.label_value(taint["value"]))
    spot.at("effect").choice(taint.get("effect"), EFFECTS)


def _counters(spot: Spot, row: Obj) -> None:
    if row.get("name"):
        label(spot.at("name"), row["name"])
    else:
        spot.at("name").required()
    if not row.get("counters"):
        spot.at("counters").required()
    for name in row.get("counters") or ():
        spot.at("counters").key(name).each(name, formats.dns_label(name))

"""Check claims for devices, their templates and classes. Source: kube pkg/apis/resource/validation/validation.go.

Selectors are checked for their length; nothing evaluates them yet, so what they say is not compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from knarr.api.validation import formats, metadata
from knarr.api.validation.csi import driver_name
from knarr.api.validation.selector import node_selector
from knarr.api.validation.spot import Spot, compact

Obj = dict[str, Any]
Names = Mapping[str, frozenset[str]]
LIST_MAX: Final = 32             # requests, constraints, configurations, selectors
ALTERNATIVES_MAX: Final = 8
RESERVED_MAX: Final = 256
EXPRESSION_MAX_BYTES: Final = 10 * 1024
PARAMETERS_MAX_BYTES: Final = 10 * 1024
MODES: Final = ("All", "ExactCount")
OPERATORS: Final = ("Equal", "Exists")
EFFECTS: Final = ("NoExecute", "NoSchedule", "None")
SOURCES: Final = ("FromClaim", "FromClass")
ONE_OF_REQUEST: Final = "exactly one of `exactly` or `firstAvailable` is required"
REFERENCE: Final = (
    "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"
)
ONE_OF_CONSTRAINT: Final = (
    'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set'
)


def claim(root: Spot, obj: Obj) -> None:
    """Check a new ResourceClaim."""
    _spec(root.at("spec"), obj.get("spec") or {})


def template(root: Spot, obj: Obj) -> None:
    """Check a new ResourceClaimTemplate."""
    inner, spot = obj.get("spec") or {}, root.at("spec")
    metadata.shared(spot.at("metadata"), inner.get("metadata") or {})
    _spec(spot.at("spec"), inner.get("spec") or {})


def same_spec(root: Spot, new: Obj, old: Obj) -> None:
    """Check that a claim or a template stays what it asked for."""
    root.at("spec").unchanged(new.get("spec"), old.get("spec"))


def device_class(root: Spot, obj: Obj) -> None:
    """Check a DeviceClass."""
    spec, spot = obj.get("spec") or {}, root.at("spec")
    _selectors(spot.at("selectors"), spec.get("selectors") or [])
    every(spot.at("config"), spec.get("config") or [], check=_configuration)
    name = spec.get("extendedResourceName")
    if name is not None and ("/" not in name or formats.qualified_name(f"requests.{name}")):
        spot.at("extendedResourceName").invalid(name, "must be a valid extended resource name")


def claim_status(root: Spot, new: Obj, old: Obj) -> None:
    """Check what schedulers and drivers write to a claim."""
    status, was, spot = new.get("status") or {}, old.get("status") or {}, root.at("status")
    had = was.get("reservedFor") or []
    names = request_names(((new.get("spec") or {}).get("devices") or {}).get("requests") or [])
    reserved = status.get("reservedFor") or []
    every(spot.at("reservedFor"), reserved, check=_consumer, count_max=RESERVED_MAX, key="uid")
    allocation, before = status.get("allocation"), was.get("allocation")
    if reserved and allocation is None:
        spot.at("reservedFor").forbidden("may not be specified when `allocated` is not set")
    elif new["metadata"].get("deletionTimestamp") and any(row not in had for row in reserved):
        spot.at("reservedFor").forbidden(
            "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set")
    if allocation is not None and before is not None:
        spot.at("allocation").unchanged(allocation, before)
    elif allocation is not None:
        _allocation(spot.at("allocation"), allocation, names)


def request_names(requests: list[Obj]) -> Names:
    """Return the names of a claim's requests, each with those of its alternatives."""
    return {row.get("name", ""): frozenset(one.get("name", "") for one in row.get("firstAvailable") or ())
            for row in requests}


def every(spot: Spot, rows: list[Any], *, check: Callable[[Spot, Any], None], count_max: int = LIST_MAX,
          key: str = "") -> None:
    """Check each element of a list that is bounded. key: the member that no two may share, empty for none."""
    seen: set[str] = set()
    for number, row in enumerate(rows):
        check(spot.index(number), row)
        name = str(row.get(key, "")) if key else ""
        if key and name in seen:
            spot.index(number).duplicate(name)
        seen.add(name)
    if len(rows) > count_max:
        spot.too_many(len(rows), count_max)


def pool_name(spot: Spot, name: str) -> None:
    """Check the name of a pool: subdomains joined by slashes."""
    if not name:
        spot.required()
        return
    for part in name.split("/"):
        spot.each(part, formats.dns_subdomain(part))


def label(spot: Spot, name: str) -> None:
    """Check a name that is a DNS label."""
    spot.each(name, formats.dns_label(name))


def _spec(spot: Spot, spec: Obj) -> None:
    devices, where = spec.get("devices") or {}, spot.at("devices")
    requests = devices.get("requests") or []
    names = request_names(requests)
    every(where.at("requests"), requests, check=_request, key="name")
    every(where.at("constraints"), devices.get("constraints") or [],
          check=lambda place, row: _constraint(place, row, names))

    def configuration(place: Spot, row: Obj) -> None:
        _references(place.at("requests"), row.get("requests") or [], names)
        _configuration(place, row)

    every(where.at("config"), devices.get("config") or [], check=configuration)


def _request(spot: Spot, row: Obj) -> None:
    label(spot.at("name"), row.get("name", ""))
    exact, alternatives = row.get("exactly"), row.get("firstAvailable") or []
    if exact is None and not alternatives:
        spot.required(ONE_OF_REQUEST)
    elif exact is not None and alternatives:
        spot.invalid(None, f"{ONE_OF_REQUEST}, but multiple fields are set")
    elif exact is not None:
        _wanted(spot.at("exactly"), exact)
    else:
        every(spot.at("firstAvailable"), alternatives, check=_alternative, count_max=ALTERNATIVES_MAX, key="name")


def _alternative(spot: Spot, row: Obj) -> None:
    label(spot.at("name"), row.get("name", ""))
    _wanted(spot, row)


def _wanted(spot: Spot, row: Obj) -> None:
    name, mode, count = row.get("deviceClassName"), row.get("allocationMode", ""), row.get("count", 0)
    if name:
        spot.at("deviceClassName").each(name, formats.dns_subdomain(name))
    else:
        spot.at("deviceClassName").required()
    _selectors(spot.at("selectors"), row.get("selectors") or [])
    if mode not in MODES:
        spot.at("allocationMode").unsupported(mode, MODES)
    elif mode == "All" and count:
        spot.at("count").invalid(count, "must not be specified when allocationMode is 'All'")
    elif mode == "ExactCount" and count <= 0:
        spot.at("count").invalid(count, "must be greater than zero")
    for number, toleration in enumerate(row.get("tolerations") or ()):
        _toleration(spot.at("tolerations").index(number), toleration)


def _toleration(spot: Spot, row: Obj) -> None:
    key, operator, effect = row.get("key"), row.get("operator"), row.get("effect")
    if key:
        spot.at("key").each(key, formats.qualified_name(key))
    if operator not in OPERATORS:
        spot.at("operator").unsupported(operator or "", OPERATORS)
    elif operator == "Exists" and row.get("value"):
        spot.at("value").invalid(row["value"], "must be empty for operator `Exists`")
    elif operator == "Equal" and not key:
        spot.at("key").required()
    if effect and effect not in EFFECTS:
        spot.at("effect").unsupported(effect, EFFECTS)


def _selectors(spot: Spot, rows: list[Obj]) -> None:
    every(spot, rows, check=_selector)


def _selector(spot: Spot, row: Obj) -> None:
    if row.get("cel") is None:
        spot.at("cel").required()
        return
    expression, where = row["cel"].get("expression", ""), spot.at("cel").at("expression")
    if not expression:
        where.required()
    elif len(expression.encode()) > EXPRESSION_MAX_BYTES:
        where.too_long(EXPRESSION_MAX_BYTES)
    else:
        from knarr.api.validation import deviceselectors  # CEL with the first selector: few clusters have any

        deviceselectors.check(where, expression)


def _constraint(spot: Spot, row: Obj, names: Names) -> None:
    _references(spot.at("requests"), row.get("requests") or [], names)
    member = next((name for name in ("matchAttribute", "distinctAttribute") if row.get(name) is not None), "")
    if not member:
        spot.required(ONE_OF_CONSTRAINT)
    elif "/" not in row[member]:
        spot.at(member).invalid(row[member], "must include a domain")
    else:
        domain, _, name = row[member].partition("/")
        spot.at(member).each(domain, formats.dns_subdomain(domain))
        c_identifier(spot.at(member), name)


def c_identifier(spot: Spot, name: str) -> None:
    """Check the name of an attribute or a capacity within its domain."""
    if not (name.isascii() and name.isidentifier()):
        spot.invalid(name, "a valid C identifier must start with alphabetic character or '_', followed by a string of "
                           "alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used "
                           "for validation is '[A-Za-z_][A-Za-z0-9_]*')")


def _references(spot: Spot, values: list[str], names: Names) -> None:
    for number, value in enumerate(values):
        request, slash, alternative = value.partition("/")
        if request not in names or (slash and alternative not in names[request]):
            spot.index(number).invalid(value, REFERENCE)
        if value in values[:number]:
            spot.index(number).duplicate(value)


def _configuration(spot: Spot, row: Obj) -> None:
    opaque, where = row.get("opaque"), spot.at("opaque")
    if opaque is None:
        where.required()
        return
    driver_name(where.at("driver"), opaque.get("driver", ""))
    parameters = opaque.get("parameters")
    if parameters is None:
        where.at("parameters").required()
    elif not isinstance(parameters, dict):
        where.at("parameters").invalid("<value omitted>", "must be a valid JSON object")
    elif len(compact(parameters).encode()) > PARAMETERS_MAX_BYTES:
        where.at("parameters").too_long(PARAMETERS_MAX_BYTES)


def _consumer(spot: Spot, row: Obj) -> None:
    for member in ("resource", "name", "uid"):
        if not row.get(member):
            spot.at(member).required()


def _allocation(spot: Spot, allocation: Obj, names: Names) -> None:
    devices, where = allocation.get("devices") or {}, spot.at("devices")

    def result(place: Spot, row: Obj) -> None:
        _references(place, [row.get("request", "")], names)
        driver_name(place.at("driver"), row.get("driver", ""))
        pool_name(place.at("pool"), row.get("pool", ""))
        label(place.at("device"), row.get("device", ""))

    def configuration(place: Spot, row: Obj) -> None:
        place.at("source").choice(row.get("source"), SOURCES)
        _references(place.at("requests"), row.get("requests") or [], names)
        _configuration(place, row)

    every(where.at("results"), devices.get("results") or [], check=result)
    every(where.at("config"), devices.get("config") or [], check=configuration, count_max=2 * LIST_MAX)
    if allocation.get("nodeSelector") is not None:
        node_selector(spot.at("nodeSelector"), allocation["nodeSelector"])

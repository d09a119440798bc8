"""Named formats. Source: kube apiserver pkg/cel/library/format.go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from knarr.api import names
from knarr.api.cel.overloads import Functions, scan
from knarr.api.cel.values import Optional, Thing
from knarr.api.textformats import FORMATS

FORMAT = "kubernetes.NamedFormat"
Check = Callable[[str], list[str]]


def _prefixed(check: Check) -> Check:
    return lambda value: check(value.removesuffix("-") if len(value) > 1 else value)


def _by_schema(name: str) -> Check:
    """Check what schemas know under the same name."""
    def check(value: str) -> list[str]:
        return [] if FORMATS[name](value) else [f"does not match the {name} format"]
    return check


CHECKS: dict[str, Check] = {
    "dns1123Label": names.label,
    "dns1123Subdomain": names.subdomain,
    "dns1035Label": names.label_1035,
    "qualifiedName": names.qualified_name,
    "dns1123LabelPrefix": _prefixed(names.label),
    "dns1123SubdomainPrefix": _prefixed(names.subdomain),
    "dns1035LabelPrefix": _prefixed(names.label_1035),
    "labelValue": names.label_value,
    "uri": _by_schema("uri"),
    "uuid": _by_schema("uuid"),
    "byte": _by_schema("byte"),
    "date": _by_schema("date"),
    "datetime": _by_schema("datetime"),
}


def declare(functions: Functions) -> None:
    """Declare them."""
    for name in CHECKS:
        functions.add(f"format.{name}() -> {FORMAT}", lambda name=name: Thing(FORMAT, name))
    functions.add(f"format.named(string) -> optional<{FORMAT}>", _named)
    functions.add(f"({FORMAT}).validate(string) -> optional<list<string>>", _validated,
                  cost=lambda sizes: scan(sizes[1:]) * 10)


def _named(name: str) -> Optional:
    return Optional(True, Thing(FORMAT, name)) if name in CHECKS else Optional()


def _validated(form: Any, value: str) -> Optional:
    faults = CHECKS[form.held](value)
    return Optional(True, faults) if faults else Optional()

"""Check and settle the values that are no objects: texts, numbers, bytes, times, quantities.

A rule takes a value and returns the value to keep, or raises WrongType with what Kubernetes' decoder says.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from knarr.api import quantity
from knarr.api.quantity import QuantityError

Path = tuple[Any, Any, str]
"""(parent path or None, step, definition that holds the field): linked, so that a good object costs no text.

A step is a field's name, an item's index, or a map's key in a tuple.
"""

Rule = Callable[[Any, Path], Any]

ROOT: Path = (None, "", "")


class _Nothing:
    """What is to be dropped."""


NOTHING: Final = _Nothing()


class WrongType(Exception):
    """The value cannot be decoded; the text is the decoder's."""


def mismatch(value: Any, path: Path, wanted: str) -> WrongType:
    """Say that a JSON value does not fit a Go type. Source: Go encoding/json, UnmarshalTypeError."""
    found = json_name(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and wanted in NUMBERS:
        found = f"number {value}"
    holder = path[2].rpartition(".")[2]
    if not holder:
        return WrongType(f"json: cannot unmarshal {found} into Go value of type {wanted}")
    return WrongType(f"json: cannot unmarshal {found} into Go struct field {holder}.{go_path(path)} of type {wanted}")


def json_name(value: Any) -> str:
    """Return JSON's word for a value's type."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, list):
        return "array"
    return "object" if isinstance(value, dict) else "number"


def dotted(path: Path) -> str:
    """Write a path as strict decoding does: `spec.containers[0].nope`."""
    parent, key, _ = path
    before = dotted(parent) if parent is not None else ""
    if isinstance(key, int):
        return f"{before}[{key}]"
    word = key[0] if isinstance(key, tuple) else key
    return f"{before}.{word}" if before and word else before or word


def go_path(path: Path) -> str:
    """Write a path as Go's decoder does: struct fields only, no indexes and no map keys."""
    names: list[str] = []
    step: Path | None = path
    while step is not None:
        if isinstance(step[1], str) and step[1]:
            names.append(step[1])
        step = step[0]
    return ".".join(reversed(names))


# Rules


def _string(value: Any, path: Path) -> Any:
    if isinstance(value, str):
        return value
    raise mismatch(value, path, "string")


def _boolean(value: Any, path: Path) -> Any:
    if value is True or value is False:
        return value
    raise mismatch(value, path, "bool")


def _int32(value: Any, path: Path) -> Any:
    if type(value) is int and -(2**31) <= value < 2**31:
        return value
    raise mismatch(value, path, "int32")


def _int64(value: Any, path: Path) -> Any:
    if type(value) is int and -(2**63) <= value < 2**63:
        return value
    raise mismatch(value, path, "int64")


def _number(value: Any, path: Path) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise mismatch(value, path, "float64")


def _any(value: Any, _: Path) -> Any:
    return value


_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", re.ASCII)


def _byte(value: Any, path: Path) -> Any:
    if not isinstance(value, str):
        raise mismatch(value, path, "[]uint8")
    if _BASE64.fullmatch(value):
        return value
    plain = value.replace("\n", "").replace("\r", "")
    if not _BASE64.fullmatch(plain):
        raise WrongType(f"illegal base64 data at input byte {_base64_fault(value)}")
    return b64encode(b64decode(plain)).decode()


def _base64_fault(value: str) -> int:
    """Return where Go's decoder stops. Source: Go encoding/base64, CorruptInputError."""
    bad = re.search(r"[^A-Za-z0-9+/\r\n]", value)
    if bad is None:
        return len(value) // 4 * 4  # input ends inside a group
    if bad[0] != "=":
        return bad.start()
    significant = len(value[: bad.start()].replace("\n", "").replace("\r", "")) % 4
    if significant < 2:
        return bad.start()
    rest = value[bad.start():].replace("\n", "").replace("\r", "")
    wanted = 4 - significant
    if not rest.startswith("=" * wanted):
        return len(value) if len(rest) < wanted else bad.start() + 1
    return bad.start() + wanted


_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[-+]\d\d:\d\d)", re.ASCII)


def _time(value: Any, _: Path) -> Any:
    moment = _moment(value, "2006-01-02T15:04:05Z07:00")
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if len(value) != 20 or not value.endswith("Z") else value


def _micro_time(value: Any, _: Path) -> Any:
    moment = _moment(value, "2006-01-02T15:04:05.000000Z07:00")
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _moment(value: Any, layout: str) -> datetime:
    if not isinstance(value, str):
        raise mismatch(value, ROOT, "string")
    match = _TIME.fullmatch(value)
    if match is None:
        raise WrongType(f'parsing time "{value}" as "{layout}": cannot parse "{value}" as "2006"')
    whole, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(whole + ("+00:00" if zone == "Z" else zone))
    except ValueError as wrong:
        raise WrongType(f'parsing time "{value}": {_out_of_range(str(wrong))} out of range') from wrong
    return moment.astimezone(UTC).replace(microsecond=int(((fraction or ".0")[1:7]).ljust(6, "0")))


def _out_of_range(why: str) -> str:
    """Return the part of a time that is impossible, in Go's word."""
    return next((part for part in ("month", "day", "hour", "minute", "second") if part in why), "day")


def _quantity(value: Any, _: Path) -> Any:
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise WrongType(quantity.FORMAT_WRONG)
    try:
        return quantity.canonical(value)
    except QuantityError as wrong:
        raise WrongType(str(wrong)) from wrong


def _int_or_string(value: Any, _: Path) -> Any:
    return value if isinstance(value, str) else _int32(value, ROOT)


RULES: dict[str, Rule] = {
    "string": _string, "boolean": _boolean, "int32": _int32, "int64": _int64, "integer": _int64,
    "double": _number, "number": _number, "byte": _byte, "date-time": _time, "object": _any, "any": _any,
    "meta_v1.Time": _time, "meta_v1.MicroTime": _micro_time, "resource.Quantity": _quantity,
    "intstr.IntOrString": _int_or_string,
}
NUMBERS = {"int32", "int64", "float64"}
GO_NAMES = {
    "boolean": "bool", "integer": "int64", "double": "float64", "number": "float64", "byte": "[]uint8",
    "any": "interface {}", "object": "map[string]interface {}", "resource.Quantity": "resource.Quantity",
    "intstr.IntOrString": "intstr.IntOrString",
}


def go_type(kind: str) -> str:
    """Return Go's name of a type: `[]v1.Container`, `map[string]string`."""
    if kind.startswith("[]"):
        return "[]" + go_type(kind[2:])
    if kind.startswith("{}"):
        return "map[string]" + go_type(kind[2:])
    if kind in GO_NAMES:
        return GO_NAMES[kind]
    module, _, name = kind.rpartition(".")
    return f"{module.rpartition('_')[2]}.{name}" if module else kind

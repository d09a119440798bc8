"""Check objects against the field table, and bring them into the form in which the server keeps them.

The table is generated (scripts/generate_api.py) and read on first use. Each definition is compiled once into a tree of
small checkers, so a check costs one dictionary look-up per field.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pkgutil import get_data
from typing import Any

import orjson

from knarr.api import schema_scalars as scalars
from knarr.api.kinds import Kind
from knarr.api.schema_scalars import NOTHING, Path, WrongType

FINDINGS_MAX = 100  # faults told of one object. Source: sigs.k8s.io/json strict decoding


@dataclass(slots=True)
class Findings:
    """What a check found.

    unknown: paths of fields that the kind does not have, in the order they came; they were taken out of the object.
    wrong: why the object cannot be this kind at all, empty if it can.
    """

    unknown: list[str] = field(default_factory=list)
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """One row of the field table.

    type: `string`, `int32`, `[]core_v1.Container`, `{}string`, `any`…
    list: atomic, set or map; keys: what tells a map list's items apart. map: atomic or granular.
    merge_key, strategy: for strategic merge patches.
    """

    name: str
    type: str
    merge_key: str = ""
    strategy: str = ""
    list: str = ""
    keys: tuple[str, ...] = ()
    map: str = ""
    required: bool = False

    @property
    def item(self) -> str:
        """The type of a list's items or a map's values; the type itself otherwise."""
        return self.type[2:] if self.type.startswith(("[]", "{}")) else self.type


def check(kind: Kind, obj: dict[str, Any]) -> Findings:
    """Check an object and settle it in place.

    Settling is what decoding into Go structs and encoding again does: unknown fields and nulls go, so do empty optional
    lists and maps, and zeros that mean the same as nothing; quantities and times are written in their canonical form.
    """
    if kind.rules is not None:
        found: Findings = kind.rules.settle(obj)
        return found
    return check_as(kind.definition, obj)


def check_as(definition: str, obj: dict[str, Any]) -> Findings:
    """Check an object against one definition of the table, `meta_v1.ObjectMeta`, and settle it in place."""
    findings = Findings()
    try:
        _checker(definition).settle(obj, scalars.ROOT, findings)
    except WrongType as wrong:
        findings.wrong = str(wrong)
    return findings


def fields_of(definition: str) -> dict[str, Field]:
    """Return the fields of a definition, `core_v1.Pod`; none for scalars and free-form objects."""
    return _fields(definition)


def definition(name: str) -> dict[str, Any]:
    """Return the raw row of the table. A name that is not in it is a bug."""
    found = table()["definitions"].get(name)
    assert isinstance(found, dict), name
    return found


@cache
def table() -> dict[str, Any]:
    """Read the whole table."""
    raw = get_data("knarr.api", "schema_table.json")
    assert raw is not None
    loaded = orjson.loads(raw)
    assert isinstance(loaded, dict)
    return loaded


@cache
def _zeros() -> dict[str, list[str]]:
    """Return, by definition, the fields in which a zero means the same as nothing (scripts/generate_zero_values.py)."""
    raw = get_data("knarr.api", "zero_values.json")
    assert raw is not None
    loaded = orjson.loads(raw)
    assert isinstance(loaded, dict)
    return loaded


@cache
def _fields(name: str) -> dict[str, Field]:
    raw = table()["definitions"].get(name, {})
    required = frozenset(raw.get("required", ()))
    rows = {}
    for key, row in raw.get("fields", {}).items():
        spec = {"type": row} if isinstance(row, str) else dict(row)
        spec["keys"] = tuple(spec.get("keys", ()))
        rows[key] = Field(key, **spec, required=key in required)
    return rows


# Checkers: `settle(value, path, findings)` returns the value to keep; NOTHING drops it.


class _Scalar:
    __slots__ = ("rule",)

    def __init__(self, rule: scalars.Rule) -> None:
        self.rule = rule

    def settle(self, value: Any, path: Path, _: Findings) -> Any:
        return self.rule(value, path)


class _Plain(_Scalar):
    """A scalar whose zero is dropped."""

    __slots__ = ()

    def settle(self, value: Any, path: Path, _: Findings) -> Any:
        return self.rule(value, path) or NOTHING


ZEROS = {"string": "", "byte": "", "resource.Quantity": "0", "int32": 0, "int64": 0, "boolean": False}


class _List:
    __slots__ = ("go_type", "item", "keep_empty", "zero")

    def __init__(self, item: str, keep_empty: bool) -> None:
        self.item = _checker(item)
        self.zero = ZEROS.get(item)
        self.go_type = scalars.go_type("[]" + item)
        self.keep_empty = keep_empty

    def settle(self, value: Any, path: Path, findings: Findings) -> Any:
        if not isinstance(value, list):
            raise scalars.mismatch(value, path, self.go_type)
        if not value and not self.keep_empty:
            return NOTHING
        settle = self.item.settle
        for index, item in enumerate(value):
            if item is None:   # a null element is a zero value in Go
                value[index] = {} if isinstance(self.item, _Struct) else self.zero
                continue
            kept = settle(item, (path, index, path[2]), findings)
            if kept is not item:
                value[index] = None if kept is NOTHING else kept
        return value


class _Map:
    __slots__ = ("go_type", "item", "keep_empty", "zero")

    def __init__(self, item: str, keep_empty: bool) -> None:
        self.item = _checker(item)
        self.go_type = scalars.go_type("{}" + item)
        self.keep_empty = keep_empty
        self.zero: Any = ZEROS.get(item, NOTHING)

    def settle(self, value: Any, path: Path, findings: Findings) -> Any:
        if not isinstance(value, dict):
            raise scalars.mismatch(value, path, self.go_type)
        if not value and not self.keep_empty:
            return NOTHING
        settle = self.item.settle
        for key in list(value):
            item = value[key]
            kept = self.zero if item is None else settle(item, (path, (key,), path[2]), findings)
            if kept is NOTHING:
                del value[key]
            elif kept is not item:
                value[key] = kept
        return value


class _Struct:
    __slots__ = ("fields", "go_name", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.go_name = scalars.go_type(name)
        self.fields: dict[str, Any] = {}  # filled after the definition is known, for definitions that hold themselves

    def settle(self, value: Any, path: Path, findings: Findings) -> Any:
        if not isinstance(value, dict):
            raise scalars.mismatch(value, path, self.go_name)
        fields = self.fields or self._compile()
        owner = self.name
        for key in list(value):
            item = value[key]
            checker = fields.get(key)
            if checker is None:
                del value[key]
                _unknown(findings, path, key)
            elif item is None:
                del value[key]
            else:
                kept = checker.settle(item, (path, key, owner), findings)
                if kept is NOTHING:
                    del value[key]
                elif kept is not item:
                    value[key] = kept
        return value

    def _compile(self) -> dict[str, Any]:
        zeros = _zeros().get(self.name, ())
        for row in _fields(self.name).values():
            checker = _field_checker(row.type, row.required)
            if row.name in zeros and isinstance(checker, _Scalar):
                checker = _Plain(checker.rule)
            self.fields[row.name] = checker
        return self.fields


class _Either:
    """A schema, or what may stand in its place: a list of them, a boolean, a list of strings.

    What is unknown in such a schema goes unnoticed, as Go's own decoder of these types has it.
    Source: kube apiextensions v1/marshal.go.
    """

    __slots__ = ("go_type", "others")

    def __init__(self, kind: str, others: tuple[type, ...]) -> None:
        self.go_type, self.others = scalars.go_type(kind), others

    def settle(self, value: Any, path: Path, findings: Findings) -> Any:
        if isinstance(value, dict):
            return _checker(SCHEMA).settle(value, path, Findings([], findings.wrong))
        if isinstance(value, self.others):
            return value
        if bool in self.others:
            raise scalars.mismatch(value, path, self.go_type)
        return NOTHING


SCHEMA = "apiextensions_v1.JSONSchemaProps"
EITHER: dict[str, tuple[type, ...]] = {
    f"{SCHEMA}OrArray": (list,), f"{SCHEMA}OrBool": (bool,), f"{SCHEMA}OrStringArray": (list,),
}
_Checker = _Scalar | _List | _Map | _Struct | _Either


@cache
def _field_checker(kind: str, keep_empty: bool) -> _Checker:
    if kind.startswith("[]"):
        return _List(kind[2:], keep_empty)
    if kind.startswith("{}"):
        return _Map(kind[2:], keep_empty)
    return _checker(kind)


@cache
def _checker(kind: str) -> _Checker:
    """Return the one checker of a type."""
    if kind.startswith(("[]", "{}")):
        return _field_checker(kind, True)
    rule = scalars.RULES.get(kind)
    if rule is not None:
        return _Scalar(rule)
    if kind in EITHER:
        return _Either(kind, EITHER[kind])
    row = definition(kind)
    return _Struct(kind) if "fields" in row else _checker(row["type"])


def _unknown(findings: Findings, path: Path, key: str) -> None:
    if len(findings.unknown) < FINDINGS_MAX:
        findings.unknown.append(scalars.dotted((path, key, "")))

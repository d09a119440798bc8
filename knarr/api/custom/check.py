"""Check values against a structural schema, in Kubernetes' words and order.

On an update, what has not changed is not held against the writer (ratcheting).
Source: kube-openapi pkg/validation/validate; kube apiextensions pkg/apiserver/validation/{validation,ratcheting}.go.
"""

from __future__ import annotations

from typing import Any

from knarr.api.custom import words
from knarr.api.custom.node import Node
from knarr.api.errors import Cause
from knarr.api.regexes import matcher
from knarr.api.textformats import FORMATS

UNSET: Any = object()
INTEGER_RANGES = {"int32": 1 << 31, "int64": 1 << 63}
Causes = list[Cause]


def check(node: Node, value: Any, path: str, causes: Causes) -> None:
    """Add what is wrong with a value to `causes`."""
    if value is None:
        if not node.nullable and node.types:
            causes.append(words.wrong_type(path, "null", ",".join(node.types)))
        return
    if node.types and not fits(value, node.types):
        causes.append(words.wrong_type(path, words.type_of(value), ",".join(node.types)))
    _combined(node, value, path, causes)
    if isinstance(value, str):
        _text(node.raw, value, path, causes)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        _number(node, value, path, causes)
    elif isinstance(value, list):
        _list(node, value, path, causes)
    enum = node.raw.get("enum")
    if enum and not any(same(value, one) for one in enum):
        causes.append(words.unsupported(path, value, enum))
    if isinstance(value, dict):
        _object(node, value, path, causes)


def ratcheted(node: Node, value: Any, old: Any, *, path: str, causes: Causes) -> None:
    """Like `check`, but let pass what was there before. old: the value at the same place, UNSET for none."""
    if old is not UNSET and value == old:
        return
    if isinstance(value, dict) and isinstance(old, dict):
        own: Causes = []
        check(_shallow(node, "object"), value, path, own)
        causes += own
        for key, item in value.items():
            child = node.member(key)
            if child is not None:
                ratcheted(child, item, old.get(key, UNSET), path=f"{path}.{key}" if path else key, causes=causes)
    elif isinstance(value, list) and isinstance(old, list) and node.items is not None:
        own = []
        check(_shallow(node, "array"), value, path, own)
        causes += own
        befores = _by_key(node, old)
        for number, item in enumerate(value):
            before = befores.get(_key(node, item), UNSET) if befores is not None else UNSET
            ratcheted(node.items, item, before, path=f"{path}[{number}]", causes=causes)
    else:
        check(node, value, path, causes)


def fits(value: Any, types: tuple[str, ...]) -> bool:
    """Say whether a value is of one of the types; 3.0 is an integer too."""
    found = words.type_of(value)
    if found in types:
        return True
    if found == "integer":
        return "number" in types
    return found == "number" and "integer" in types and value.is_integer()


def same(value: Any, other: Any) -> bool:
    """Compare as JSON does: True is not 1."""
    return isinstance(value, bool) == isinstance(other, bool) and bool(value == other)


def _shallow(node: Node, sort: str) -> Node:
    """Return the node without the schemas of its members, which are looked at one by one."""
    dropped = ("properties", "additionalProperties") if sort == "object" else ("items",)
    return Node({key: item for key, item in node.raw.items() if key not in dropped})


def _by_key(node: Node, old: list[Any]) -> dict[str, Any] | None:
    if node.raw.get("x-kubernetes-list-type") != "map":
        return None
    return {_key(node, item): item for item in old}


def _key(node: Node, item: Any) -> str:
    keys = node.raw.get("x-kubernetes-list-map-keys") or ()
    return words.compact({key: item.get(key) for key in keys} if isinstance(item, dict) else item)


def _combined(node: Node, value: Any, path: str, causes: Causes) -> None:
    quoted = words.quoted(path)
    anyof = _tries(node.parts("anyOf"), value, path)
    if anyof and all(anyof):
        causes.append(words.invalid("", "", f"{quoted} must validate at least one schema (anyOf)"))
        causes += anyof[0]
    oneof = _tries(node.parts("oneOf"), value, path)
    valid = sum(not found for found in oneof)
    if oneof and valid != 1:
        found = f"Found {valid} valid alternatives" if valid else "Found none valid"
        causes.append(words.invalid("", "", f"{quoted} must validate one and only one schema (oneOf). {found}"))
        causes += oneof[0] if not valid else []
    allof = _tries(node.parts("allOf"), value, path)
    if any(allof):
        causes += [cause for found in allof for cause in found]
        none = ". None validated" if all(allof) else ""
        causes.append(words.invalid("", "", f"{quoted} must validate all the schemas (allOf){none}"))
    if node.parts("not") and not _tries(node.parts("not"), value, path)[0]:
        causes.append(words.invalid("", "", f"{quoted} must not validate the schema (not)"))


def _tries(parts: tuple[Node, ...], value: Any, path: str) -> list[Causes]:
    tried: list[Causes] = [[] for _ in parts]
    for part, causes in zip(parts, tried, strict=True):
        check(part, value, path, causes)
    return tried


def _text(raw: dict[str, Any], value: str, path: str, causes: Causes) -> None:
    longest, shortest, pattern = raw.get("maxLength"), raw.get("minLength"), raw.get("pattern")
    if longest is not None and len(value) > longest:
        causes.append(words.too_long(path, longest))
    elif shortest is not None and len(value) < shortest:
        causes.append(words.invalid(path, value, f"{path} in body should be at least {shortest} chars long"))
    elif pattern and not matcher(pattern)(value):
        causes.append(words.invalid(path, value, f"{path} in body should match '{pattern}'"))
    form = raw.get("format") or ""
    if form in FORMATS and not FORMATS[form](value):
        causes.append(words.wrong_type(path, value, form))


def _number(node: Node, value: float, path: str, causes: Causes) -> None:
    raw = node.raw
    if raw.get("type") == "integer":
        _integer_range(raw.get("format") or "", value, path, causes)
    step = raw.get("multipleOf")
    if step and not float(value / step).is_integer():
        causes.append(words.invalid(path, value, f"{path} in body should be a multiple of {_said(step)}"))
    most, least = raw.get("maximum"), raw.get("minimum")
    if most is not None and (value >= most if raw.get("exclusiveMaximum") else value > most):
        or_equal = "" if raw.get("exclusiveMaximum") else " or equal to"
        causes.append(words.invalid(path, value, f"{path} in body should be less than{or_equal} {_said(most)}"))
    if least is not None and (value <= least if raw.get("exclusiveMinimum") else value < least):
        or_equal = "" if raw.get("exclusiveMinimum") else " or equal to"
        causes.append(words.invalid(path, value, f"{path} in body should be greater than{or_equal} {_said(least)}"))


def _integer_range(form: str, value: float, path: str, causes: Causes) -> None:
    end = INTEGER_RANGES.get(form)
    if not float(value).is_integer() or (end is not None and not -end <= value < end):
        said = f"with format {form}" if end is not None else "(default format)"
        causes.append(words.invalid("", "", f"Checked value must be of type integer {said} in {path}"))


def _said(number: float) -> str:
    return str(int(number)) if float(number).is_integer() and abs(number) < 1e21 else str(number)


def _list(node: Node, value: list[Any], path: str, causes: Causes) -> None:
    if node.items is not None:
        for number, item in enumerate(value):
            check(node.items, item, f"{path}[{number}]", causes)
    least, most = node.raw.get("minItems"), node.raw.get("maxItems")
    if least is not None and len(value) < least:
        causes.append(words.invalid(path, len(value), f"{path} in body should have at least {least} items"))
    if most is not None and len(value) > most:
        causes.append(words.too_many(path, len(value), most))


def _object(node: Node, value: dict[str, Any], path: str, causes: Causes) -> None:
    least, most = node.raw.get("minProperties"), node.raw.get("maxProperties")
    if least is not None and len(value) < least:
        causes.append(words.invalid(path, len(value), f"{path} in body should have at least {least} properties"))
        return
    if most is not None and len(value) > most:
        causes.append(words.too_many(path, len(value), most))
        return
    for key in node.raw.get("required") or ():
        if key not in value:
            causes.append(words.required(f"{path}.{key}" if path else key))
    for key in sorted(value):
        child = node.member(key)
        if child is not None:
            check(child, value[key], f"{path}.{key}" if path else key, causes)

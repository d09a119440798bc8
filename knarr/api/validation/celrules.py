"""Check the CEL rules of a schema before any object meets them: they compile, and know the fields they name.

Source: kube apiextensions pkg/apis/apiextensions/validation/validation.go, validateCustomResourceDefinition rules.
"""

from __future__ import annotations

import re
from typing import Any, Final

from knarr.api import cel
from knarr.api.cel import CelError
from knarr.api.custom.adapt import escape
from knarr.api.custom.rules import OLD, WORD
from knarr.api.validation.spot import Raw, Spot, compact

Obj = dict[str, Any]
CHAIN: Final = re.compile(r"(?<![\w.])(?:self|oldSelf)((?:\.[A-Za-z_]\w*)+)(\s*\()?")
QUOTED: Final = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'")
REASONS: Final = ("FieldValueRequired", "FieldValueForbidden", "FieldValueInvalid", "FieldValueDuplicate")
RESOURCE: Final = ("apiVersion", "kind", "metadata")


def check(spot: Spot, schema: Obj, *, root: bool = False) -> None:
    """Check the rules of one place. root: it is the whole object."""
    for number, rule in enumerate(schema.get(WORD) or ()):
        _rule(spot.at(WORD).index(number), schema, rule, root=root)


def _rule(spot: Spot, schema: Obj, rule: Obj, *, root: bool) -> None:
    text = str(rule.get("rule") or "")
    if not text.strip():
        spot.at("rule").required("rule is not specified")
        return
    fault = _fault(text, schema, optional=bool(rule.get("optionalOldSelf") and OLD.search(text)), root=root)
    if fault:
        spot.at("rule").invalid(Raw(_as_go(rule)), f"compilation failed: {fault}")
    message = rule.get("message")
    if message is not None and not message.strip():
        spot.at("message").invalid(message, "message must be non-empty if specified")
    elif message is not None and "\n" in message.strip():
        spot.at("message").invalid(message, "message must not contain line breaks")
    if rule.get("messageExpression"):
        fault = _fault(rule["messageExpression"], schema, optional=False, root=root)
        if fault:
            spot.at("messageExpression").invalid(Raw(_as_go(rule)), f"messageExpression compilation failed: {fault}")
    if rule.get("reason") and rule["reason"] not in REASONS:
        spot.at("reason").unsupported(rule["reason"], REASONS)
    if rule.get("fieldPath") and not rule["fieldPath"].startswith((".", "[")):
        spot.at("fieldPath").invalid(rule["fieldPath"], "fieldPath must be a valid path: must start with . or [")


def _fault(text: str, schema: Obj, *, optional: bool, root: bool) -> str:
    try:
        cel.compiled(text, optional_old=optional)
    except CelError as fault:
        return str(fault)
    plain = QUOTED.sub(lambda found: " " * len(found[0]), text)
    for found in CHAIN.finditer(plain):
        names = found[1].split(".")[1:]
        at = found.start(1)
        for name in names[:-1] if found[2] else names:
            if not optional and _unknown(schema, names, name, root=root):
                return _pointed(text, at, f"undefined field '{name}'")
            at += len(name) + 1
    return ""


def _unknown(schema: Obj, names: list[str], last: str, *, root: bool) -> bool:
    """Say whether the step `last` of a chain leads to a field that the schema does not have."""
    for name in names[: names.index(last)]:
        schema = _member(schema, name) or {}
        root = False
    known = {escape(one) for one in schema.get("properties") or ()}
    if not known and schema.get("type") != "object":
        return False
    is_map = "additionalProperties" in schema
    if is_map or (root and last in RESOURCE) or schema.get("x-kubernetes-embedded-resource"):
        return False
    return bool(schema) and last not in known


def _member(schema: Obj, name: str) -> Obj | None:
    for key, child in (schema.get("properties") or {}).items():
        if escape(key) == name and isinstance(child, dict):
            return child
    return None


def _pointed(text: str, at: int, why: str) -> str:
    """Say where, as CEL's own faults do."""
    line = text.count("\n", 0, at) + 1
    start = text.rfind("\n", 0, at) + 1
    column = at - start
    shown = text[start:].partition("\n")[0]
    return f"ERROR: <input>:{line}:{column + 1}: {why}\n | {shown}\n | {'.' * column}^"


def _as_go(rule: Obj) -> str:
    """Write a rule as Kubernetes' internal form shows it."""
    return compact({
        "Rule": rule.get("rule", ""), "Message": rule.get("message", ""),
        "MessageExpression": rule.get("messageExpression", ""), "Reason": rule.get("reason"),
        "FieldPath": rule.get("fieldPath", ""), "OptionalOldSelf": rule.get("optionalOldSelf"),
    })

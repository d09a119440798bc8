"""Evaluate the CEL rules of a schema (`x-kubernetes-validations`) on objects.

A rule that names `oldSelf` speaks of changes: it is asked where the old value is known to be the same thing's. A rule
on a value that has not changed is not held against the writer.
Source: kube apiextensions pkg/apiserver/schema/cel/{validation,compilation}.go.
"""

from __future__ import annotations

import re
from typing import Any

from knarr.api import cel
from knarr.api.cel import CelError
from knarr.api.custom import adapt, words
from knarr.api.custom.node import Node, any_below
from knarr.api.errors import Cause

WORD = "x-kubernetes-validations"
UNSET: Any = object()
OLD = re.compile(r"\boldSelf\b")
BLOCKING = frozenset({"FieldValueNotSupported", "FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany",
                      "FieldValueTypeInvalid"})
UNCHECKED = Cause("FieldValueInvalid", words.NOWHERE, (
    "Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing "
    "errors to complete validation"))
HEADS = {"FieldValueRequired": "Required value", "FieldValueForbidden": "Forbidden",
         "FieldValueDuplicate": "Duplicate value"}


def judge(node: Node, obj: Any, causes: list[Cause], *, old: Any = UNSET) -> None:
    """Add what the rules refuse; if the object is too broken to ask them, say so."""
    if not any_below(node.raw, WORD):
        return
    if any(cause.reason in BLOCKING for cause in causes):
        causes.append(UNCHECKED)
        return
    _place(node, obj, old, path="", causes=causes)


def _place(node: Node, value: Any, old: Any, *, path: str, causes: list[Cause]) -> None:
    if value is None:
        return
    if old is UNSET or value != old:
        for rule in node.raw.get(WORD) or ():
            _rule(node, rule, (value, old), path=path, causes=causes)
    if isinstance(value, dict):
        for key in sorted(value):
            child = node.member(key)
            if child is not None:
                before = old.get(key, UNSET) if isinstance(old, dict) else UNSET
                _place(child, value[key], before, path=f"{path}.{key}" if path else key, causes=causes)
    elif isinstance(value, list) and node.items is not None:
        befores = _correlated(node, old)
        for number, item in enumerate(value):
            _place(node.items, item, befores.get(_key(node, item), UNSET), path=f"{path}[{number}]", causes=causes)


def _rule(node: Node, rule: dict[str, Any], values: tuple[Any, Any], *, path: str, causes: list[Cause]) -> None:
    value, old = values
    text, optional = rule["rule"], bool(rule.get("optionalOldSelf"))
    transition = bool(OLD.search(text))
    if transition and old is UNSET and not optional:
        return
    known = {"self": adapt.value(value, node, text)}
    if transition:
        before = None if old is UNSET else adapt.value(old, node, text)
        known |= {"priorSelf": before, "hasOld": old is not UNSET} if optional else {"oldSelf": before}
    try:
        if cel.compiled(text, optional_old=optional and transition).value(known) is True:
            return
        causes.append(_refused(rule, known, path))
    except CelError as fault:
        said = rule.get("message") or f"{fault} evaluating rule: {text}"
        causes.append(Cause("FieldValueInvalid", path or words.NOWHERE, f"Invalid value: {said}"))


def _refused(rule: dict[str, Any], known: dict[str, Any], path: str) -> Cause:
    reason = rule.get("reason") or "FieldValueInvalid"
    where = f"{path}{rule.get('fieldPath', '')}".removeprefix(".")
    return Cause(reason, where or words.NOWHERE, f"{HEADS.get(reason, 'Invalid value')}: {_message(rule, known)}")


def _message(rule: dict[str, Any], known: dict[str, Any]) -> str:
    fallback = str(rule.get("message") or f"failed rule: {rule['rule'].strip()}")
    expression = rule.get("messageExpression")
    if not expression:
        return fallback
    try:
        text = cel.compiled(expression).value(known)
    except CelError:
        return fallback  # a message that fails is no reason to say nothing
    return text if isinstance(text, str) and text.strip() and "\n" not in text else fallback


def _correlated(node: Node, old: Any) -> dict[str, Any]:
    if node.raw.get("x-kubernetes-list-type") != "map" or not isinstance(old, list):
        return {}
    return {_key(node, item): item for item in old}


def _key(node: Node, item: Any) -> str:
    keys = node.raw.get("x-kubernetes-list-map-keys") or ()
    return words.compact({key: item.get(key) for key in keys}) if isinstance(item, dict) else ""

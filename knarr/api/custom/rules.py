"""Evaluate the CEL rules of a schema (`x-kubernetes-validations`) on objects.

A rule that names `oldSelf` speaks of changes: it is asked where the old value is known to be the same thing's. A rule
on a value that has not changed is not held against the writer.
Source: kube apiextensions pkg/apiserver/schema/cel/{validation,compilation}.go.
"""

from __future__ import annotations

from typing import Any

from knarr.api import cel
from knarr.api.cel import CelError, NoOverload, OverBudget
from knarr.api.cel.syntax import mentions
from knarr.api.custom import adapt, words
from knarr.api.custom.node import Node
from knarr.api.errors import Cause

WORD = "x-kubernetes-validations"
UNSET: Any = object()
MESSAGE_MAX = 5 << 10  # characters of a computed message
BLOCKING = frozenset({"FieldValueNotSupported", "FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany",
                      "FieldValueTypeInvalid"})
UNCHECKED = Cause("FieldValueInvalid", words.NOWHERE, (
    "Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing "
    "errors to complete validation"))
HEADS = {"FieldValueRequired": "Required value", "FieldValueForbidden": "Forbidden",
         "FieldValueDuplicate": "Duplicate value"}


BUDGET = 10_000_000  # what the rules may cost for one object. Source: kube pkg/apis/cel/config.go, RuntimeCELCostBudget
SPENT = "validation failed due to running out of cost budget, no further validation rules will be run"


def judge(node: Node, obj: Any, causes: list[Cause], *, old: Any = UNSET) -> None:
    """Add what the rules refuse; if the object is too broken to ask them, say so."""
    if not node.ruled:
        return
    if any(cause.reason in BLOCKING for cause in causes):
        causes.append(UNCHECKED)
        return
    asked = _Asked(causes)
    try:
        asked.place(node, obj, old, path="")
    except OverBudget:
        return  # it has been said


class _Asked:
    """The rules of one object, as far as they have been asked. left: what they may still cost."""

    def __init__(self, causes: list[Cause]) -> None:
        self._causes, self._left = causes, BUDGET

    def place(self, node: Node, value: Any, old: Any, *, path: str) -> None:
        """Ask the rules of a place and of all below. Raises OverBudget when nothing more may be asked."""
        if value is None or not node.ruled:
            return
        if old is UNSET or value != old:
            for rule in node.raw.get(WORD) or ():
                self._rule(node, rule, (value, old), path=path)
        if isinstance(value, dict):
            for key in sorted(value):
                child = node.member(key)
                if child is not None and child.ruled:
                    before = old.get(key, UNSET) if isinstance(old, dict) else UNSET
                    self.place(child, value[key], before, path=f"{path}.{key}" if path else key)
        elif isinstance(value, list) and node.items is not None and node.items.ruled:
            befores = _correlated(node, old)
            for number, item in enumerate(value):
                self.place(node.items, item, befores.get(_key(node, item), UNSET), path=f"{path}[{number}]")

    def _rule(self, node: Node, rule: dict[str, Any], values: tuple[Any, Any], *, path: str) -> None:
        value, old = values
        text, optional = rule["rule"], bool(rule.get("optionalOldSelf"))
        transition = speaks_of_old(text)
        if transition and old is UNSET and not optional:
            return
        known = {"self": adapt.value(value, node, text)}
        if transition:
            before = None if old is UNSET else adapt.value(old, node, text)
            known["oldSelf"] = cel.Optional(old is not UNSET, before) if optional else before
        try:
            found, cost = cel.compiled(text).spent(known)
        except CelError as fault:
            self._failed(rule, fault, path)
            return
        self._left -= cost
        if self._left < 0:
            self._add(path, SPENT)
            raise OverBudget
        if found is not True:
            self._causes.append(_refused(rule, known, path))

    def _failed(self, rule: dict[str, Any], fault: CelError, path: str) -> None:
        named = str(rule.get("message") or rule["rule"]).strip()
        if isinstance(fault, OverBudget):
            self._add(path, f"'{fault}': no further validation rules will be run due to call cost exceeds limit for "
                            f"rule: {named}")
            raise fault
        if isinstance(fault, NoOverload):
            self._add(path, f"'{fault}': call arguments did not match a supported operator, function or macro "
                            f"signature for rule: {named}")
        else:
            self._add(path, f"{fault} evaluating rule: {named}")

    def _add(self, path: str, said: str) -> None:
        self._causes.append(Cause("FieldValueInvalid", path or words.NOWHERE, f"Invalid value: {said}"))


def speaks_of_old(text: str) -> bool:
    """Say whether a rule is about changes; raises CelError for one that cannot be read."""
    return "oldSelf" in text and mentions(cel.tree(text), "oldSelf")


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
    sound = isinstance(text, str) and text.strip() and "\n" not in text and len(text) <= MESSAGE_MAX
    return text.strip() if sound else fallback


def _correlated(node: Node, old: Any) -> dict[str, Any]:
    if node.raw.get("x-kubernetes-list-type") != "map" or not isinstance(old, list):
        return {}
    return {_key(node, item): item for item in old}


def _key(node: Node, item: Any) -> str:
    keys = node.raw.get("x-kubernetes-list-map-keys") or ()
    return words.compact({key: item.get(key) for key in keys}) if isinstance(item, dict) else ""

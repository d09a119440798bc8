"""Check the CEL rules of a schema before any object meets them: they compile, their types agree, and they cost little.

Source: kube apiextensions pkg/apis/apiextensions/validation/validation.go,
ValidateCustomResourceDefinitionOpenAPISchema.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any, Final

from knarr.api import cel
from knarr.api.cel import CelError, cost
from knarr.api.cel.check import check
from knarr.api.cel.overloads import COST_MAX
from knarr.api.cel.syntax import mentions
from knarr.api.cel.types import Type, optional_of
from knarr.api.custom.declared import most_there, type_of
from knarr.api.custom.rules import WORD
from knarr.api.validation.spot import Raw, Spot, compact

Obj = dict[str, Any]
RULE_COST_MAX: Final = 10_000_000
SCHEMA_COST_MAX: Final = 100_000_000
EXPENSIVE_MAX: Final = 4  # of the costliest expressions that are named
REASONS: Final = ("FieldValueRequired", "FieldValueForbidden", "FieldValueInvalid", "FieldValueDuplicate")
STEP: Final = re.compile(r"\.(?P<name>[A-Za-z_]\w*)|\['(?P<quoted>[^']+)'\]")
ADVICE: Final = ("(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and "
                 "strings are declared)")


@dataclass(slots=True)
class _Costs:
    """What the rules of a whole schema cost."""

    total: int = 0
    rows: list[tuple[int, Spot]] = field(default_factory=list)

    def note(self, spot: Spot, amount: int) -> None:
        """Add an expression's cost."""
        self.total = min(self.total + amount, COST_MAX)
        if amount > SCHEMA_COST_MAX // 100:
            self.rows = sorted([*self.rows, (amount, spot)], key=lambda row: -row[0])[:EXPENSIVE_MAX]


@dataclass(frozen=True, slots=True)
class _Around:
    """What the schema around a place means for it. times: how many such places an object can have; None for any count.
    uncorrelated: the path within which an old value cannot be told; empty where it can."""

    times: int | None = 1
    uncorrelated: str = ""


def check_rules(spot: Spot, schema: Obj) -> None:
    """Check the rules of a whole schema."""
    costs = _Costs()
    _place(spot, schema, _Around(), costs, root=True)
    if costs.total > SCHEMA_COST_MAX:
        for _, where in costs.rows:
            where.forbidden("contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema")
        spot.forbidden(_too_much(f"{WORD} estimated rule cost total for entire OpenAPIv3 schema", costs.total,
                                 SCHEMA_COST_MAX))


def _place(spot: Spot, schema: Obj, around: _Around, costs: _Costs, *, root: bool = False) -> None:
    rules = schema.get(WORD) or ()
    own = type_of(schema, root=root) if rules else None
    for number, rule in enumerate(rules):
        _Rule(spot.at(WORD).index(number), schema, rule, own).check(around, costs)
    apart = schema.get("x-kubernetes-map-type") == "atomic"
    for name, child in (schema.get("properties") or {}).items():
        if isinstance(child, dict):
            inner = _within(around, spot.at("properties") if apart else None)
            _place(spot.at("properties").key(name), child, inner, costs)
    items, extra = schema.get("items"), schema.get("additionalProperties")
    if isinstance(items, dict):
        where = spot.at("items")
        known = schema.get("x-kubernetes-list-type") == "map"
        _place(where, items, _many(_within(around, None if known else where), schema.get("maxItems")), costs)
    if isinstance(extra, dict):
        where = spot.at("additionalProperties")
        _place(where, extra, _many(_within(around, where if apart else None), schema.get("maxProperties")), costs)


def _within(around: _Around, apart: Spot | None) -> _Around:
    return replace(around, uncorrelated=apart.path) if apart is not None and not around.uncorrelated else around


def _many(around: _Around, most: int | None) -> _Around:
    times = None if around.times is None or most is None else around.times * most
    return replace(around, times=times)


class _Rule:
    """One rule, at its place."""

    def __init__(self, spot: Spot, schema: Obj, rule: Obj, own: Type | None) -> None:
        self._spot, self._schema, self._rule, self._own = spot, schema, rule, own

    def check(self, around: _Around, costs: _Costs) -> None:
        """Add its faults, and what it costs."""
        spot, rule, text = self._spot, self._rule, str(self._rule.get("rule") or "")
        self._words(text)
        if not text.strip():
            spot.at("rule").required("rule is not specified")
            return
        spent = self._compiled("rule", "bool", "compilation failed", "cel expression must evaluate to a bool")
        self._charge("rule", "rule", spent, around, costs)
        if rule.get("messageExpression"):
            spent = self._compiled("messageExpression", "string", "messageExpression compilation failed",
                                   "messageExpression must evaluate to a string")
            self._charge("messageExpression", "messageExpression", spent, None, costs)
        self._transition(text, around)

    def _words(self, text: str) -> None:
        spot, rule = self._spot, self._rule
        message = rule.get("message") or ""
        if message and not message.strip():
            spot.at("message").invalid(message, "message must be non-empty if specified")
        elif "\n" in message.strip():
            spot.at("message").invalid(message, "message must not contain line breaks")
        elif "\n" in text.strip() and not message:
            spot.at("message").required("message must be specified if rule contains line breaks")
        if rule.get("messageExpression") and not rule["messageExpression"].strip():
            spot.at("messageExpression").required("messageExpression must be non-empty if specified")
        if rule.get("reason") and rule["reason"] not in REASONS:
            spot.at("reason").unsupported(rule["reason"], REASONS)
        self._path(rule.get("fieldPath") or "")

    def _path(self, path: str) -> None:
        if not path:
            return
        where = self._spot.at("fieldPath")
        if not path.strip():
            where.invalid(path, "fieldPath must be non-empty if specified")
        elif "\n" in path:
            where.invalid(path, "fieldPath must not contain line breaks")
        elif not _leads_somewhere(self._schema, path):
            where.invalid(path, "fieldPath must be a valid path: does not refer to a valid field")

    def _compiled(self, name: str, wanted: str, head: str, mistyped: str) -> int:  # noqa: PLR0913
        """Check one expression; return what it costs at most, 0 if it does not work."""
        where = self._spot.at(name)
        try:
            found = check(self._rule[name], cel.tree(self._rule[name]), self._variables())
        except CelError as fault:
            where.invalid(Raw(_as_go(self._rule)), f"{head}: {fault}")
            return 0
        if found.result.name not in (wanted, "dyn"):
            where.invalid(Raw(_as_go(self._rule)), mistyped)
            return 0
        return cost.estimate(found)

    def _variables(self) -> dict[str, Type]:
        if self._own is None:
            raise CelError("the schema has no type that rules could look at")
        old = optional_of(self._own) if self._rule.get("optionalOldSelf") else self._own
        return {"self": self._own, "oldSelf": old}

    def _charge(self, name: str, words: str, spent: int, around: _Around | None, costs: _Costs) -> None:  # noqa: PLR0913
        """Refuse what costs too much. around: what the cost is taken times; None for once."""
        times = 1
        if around is not None:
            times = around.times if around.times is not None else most_there(self._schema)
        total = min(spent * times, COST_MAX)
        where = self._spot.at(name)
        if total > RULE_COST_MAX:
            where.forbidden(_too_much(f"estimated {words} cost", total, RULE_COST_MAX))
        costs.note(where, total)

    def _transition(self, text: str, around: _Around) -> None:
        try:
            of_old = mentions(cel.tree(text), "oldSelf")
        except CelError:
            return  # it has been said
        if of_old and around.uncorrelated:
            self._spot.at("rule").invalid(
                text, "oldSelf cannot be used on the uncorrelatable portion of the schema within "
                      f"{around.uncorrelated}")
        elif not of_old and self._rule.get("optionalOldSelf") is not None:
            self._spot.at("optionalOldSelf").invalid(self._rule["optionalOldSelf"],
                                                     "may not be set if oldSelf is not used in rule")


def _too_much(name: str, spent: int, most: int) -> str:
    factor = spent / most
    said = "more than 100x" if factor > 100 else f"{factor:f}x" if factor < 1.5 else f"{factor:.1f}x"
    return f"{name} exceeds budget by factor of {said} {ADVICE}"


def _leads_somewhere(schema: Obj, path: str) -> bool:
    """Say whether a field path, `.a['b']`, names a place of the schema."""
    at = 0
    while at < len(path):
        step = STEP.match(path, at)
        if step is None:
            return False
        child = (schema.get("properties") or {}).get(step["name"] or step["quoted"])
        if child is None:
            child = schema.get("additionalProperties")
        if not isinstance(child, dict):
            return False
        schema, at = child, step.end()
    return True


def _as_go(rule: Obj) -> str:
    """Write a rule as Kubernetes' internal form shows it."""
    return compact({
        "Rule": rule.get("rule", ""), "Message": rule.get("message", ""),
        "MessageExpression": rule.get("messageExpression", ""), "Reason": rule.get("reason"),
        "FieldPath": rule.get("fieldPath", ""), "OptionalOldSelf": rule.get("optionalOldSelf"),
    })

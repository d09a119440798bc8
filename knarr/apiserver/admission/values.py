"""Evaluate the expressions of webhooks and policies on one write.

A policy's variables are computed when an expression that names them is asked, each once. One whose computation fails is
left out, so that an expression fails only where it really needs it.
Source: kube apiserver admission/plugin/cel/{condition,composition,activation}.go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from knarr.api import cel
from knarr.api.cel import CelError
from knarr.api.cel.faults import OverBudget
from knarr.api.cel.library import authorizer
from knarr.api.http import User
from knarr.apiserver.admission.forms import Shown, request_of
from knarr.apiserver.admission.matching import namespace_object
from knarr.apiserver.admission.words import Admission
from knarr.apiserver.security import Attributes

Obj = dict[str, Any]
COST_MAX: Final = 10_000_000  # of all expressions together. Source: kube apis/cel/config.go, RuntimeCELCostBudget
SPENT: Final = "validation failed due to running out of cost budget, no further validation rules will be run"
VARIABLE: Final = re.compile(r"(?<![\w.])variables\s*\.\s*([A-Za-z_]\w*)")
ABSENT: Final = re.compile(r"^no such key: (\w+)$")
KEPT: Final = ("apiVersion", "kind", "metadata", "spec", "status")


class OutOfBudget(CelError):
    """Expressions have cost more together than they may."""

    def __init__(self) -> None:
        super().__init__(SPENT)


@dataclass(slots=True)
class Values:
    """What expressions may look at. definitions: the policy's variables. budget: what they may still cost."""

    admission: Admission
    known: Obj
    definitions: tuple[Obj, ...] = ()
    faults: dict[str, str] = field(default_factory=dict)
    budget: int = COST_MAX

    def ask(self, text: str) -> Any:
        """Return an expression's value; CelError in Kubernetes' words."""
        try:
            return self._value(text)
        except OutOfBudget:
            raise
        except CelError as fault:
            raise CelError(f"expression '{text}' resulted in error: {self._explained(str(fault))}") from fault

    def with_params(self, params: Obj | None) -> Values:
        """Return the values for one parameter object."""
        return Values(self.admission, {**self.known, "params": params, "variables": {}}, self.definitions)

    def _value(self, text: str) -> Any:
        needed, asks = words_in(text)
        for name in needed:
            self._define(name)
        program = cel.compiled(text)
        if not asks:
            return self._spend(program)
        with authorizer.answering(self._answer):
            return self._spend(program)

    def _spend(self, program: cel.Program) -> Any:
        if self.budget <= 0:
            raise OutOfBudget
        try:
            value, cost = program.spent(self.known, min(self.budget, cel.CALL_COST_MAX))
        except OverBudget:
            self.budget -= cel.CALL_COST_MAX
            raise
        self.budget -= cost
        return value

    def _define(self, name: str) -> None:
        variables = self.known["variables"]
        found = next((one for one in self.definitions if one["name"] == name), None)
        if found is None or name in variables or name in self.faults:
            return
        self.faults[name] = "it is defined by itself"
        try:
            variables[name] = self._value(found["expression"])
            del self.faults[name]
        except CelError as fault:
            self.faults[name] = self._explained(str(fault))

    def _explained(self, fault: str) -> str:
        found = ABSENT.match(fault)
        if found is None or found[1] not in self.faults:
            return fault
        return f'composited variable "{found[1]}" fails to evaluate: {self.faults[found[1]]}'

    def _answer(self, asked: Obj) -> tuple[bool, str]:
        user = asked["user"]
        extra = {key: tuple(values) for key, values in (user.get("extra") or {}).items()}
        whose = User(user["name"], user.get("uid", ""), tuple(user.get("groups") or ()), extra)
        attributes = Attributes(whose, asked["verb"], asked.get("path", "")) if "path" in asked else Attributes(
            whose, asked["verb"], "", asked.get("group", ""), asked.get("version", "*"), asked.get("resource", ""),
            asked.get("subresource", ""), asked.get("namespace", ""), asked.get("name", ""),
            asked.get("fields", ""), asked.get("labels", ""))
        decision = self.admission.core.authorizer.authorize(attributes)
        return decision.allowed, decision.reason


def values_of(a: Admission, view: Shown, definitions: tuple[Obj, ...] = ()) -> Values:
    """Return what expressions may look at in one write."""
    namespace = namespace_object(a)
    user = {"name": a.user.name, "uid": a.user.uid, "groups": list(a.user.groups),
            "extra": {key: list(values) for key, values in a.user.extra.items()}}
    row = a.requested or a.kind
    known = {
        "object": view.obj, "oldObject": view.old, "request": request_of(a, view),
        "namespaceObject": None if namespace is None else {key: namespace[key] for key in KEPT if key in namespace},
        "authorizer": authorizer.question(
            user, group=row.group, version=row.version, resource=row.plural, subresource=a.subresource,
            namespace=a.namespace, name=a.name),
        "variables": {},
    }
    return Values(a, known, definitions=definitions)


def conditions_hold(values: Values, conditions: tuple[Obj, ...]) -> bool:
    """Say whether all match conditions hold: one that does not decides, whatever others do; else CelError."""
    faults = []
    for one in conditions:
        try:
            if values.ask(one["expression"]) is not True:
                return False
        except CelError as fault:
            faults.append(str(fault))
    if faults:
        raise CelError(faults[0] if len(faults) == 1 else f"[{', '.join(faults)}]")
    return True


def conditions_met(values: Values, conditions: tuple[Obj, ...], *, key: tuple[str, ...]) -> bool:
    """Do as conditions_hold, timed and counted. key: as admission_metrics.CONDITION."""
    if not conditions:
        return True
    core, holds = values.admission.core, None
    began_s = core.clock.monotonic_s()
    try:
        holds = conditions_hold(values, conditions)
        return holds
    finally:
        core.admissions.condition(key, core.clock.monotonic_s() - began_s, holds)


@lru_cache(maxsize=4096)
def words_in(text: str) -> tuple[tuple[str, ...], bool]:
    """Return the variables that an expression names, and whether it asks the authorizer."""
    return tuple(dict.fromkeys(VARIABLE.findall(text))), authorizer.AUTHORIZER in text

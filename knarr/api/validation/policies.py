"""Check admission policies and their bindings.

No expression is priced here, unlike a definition's rules: objects of any kind have no known size. It pays as it runs.
Source: kube pkg/apis/admissionregistration/validation/validation.go.
"""

from __future__ import annotations

import re
from typing import Any, Final

from knarr.api import expressions
from knarr.api.cel.types import Type
from knarr.api.validation import formats
from knarr.api.validation.expressions import fault_of, match_conditions, type_of
from knarr.api.validation.selector import label_selector
from knarr.api.validation.spot import Spot
from knarr.api.validation.webhooks import FAILURE, MATCH, REINVOCATION, rule_with_operations

Obj = dict[str, Any]
ACTIONS: Final = ("Audit", "Deny", "Warn")
REASONS: Final = ("Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized")
NOT_FOUND: Final = ("Allow", "Deny")
PATCHES: Final = ("ApplyConfiguration", "JSONPatch")
NOTES_MAX: Final = 20  # audit annotations
IDENTIFIER: Final = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")
RESERVED: Final = frozenset({
    "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let",
    "loop", "package", "namespace", "return", "var", "void", "while"})
NOTHING: Final = "validations or auditAnnotations must contain at least one item"
BOTH: Final = ("must not contain both Deny and Warn (repeating the same validation failure information in the API "
               "response and headers serves no purpose)")
MIXED_CASE: Final = "may have mixed case, but should otherwise match: "


def validating(root: Spot, obj: Obj) -> None:
    """Check a ValidatingAdmissionPolicy."""
    spec, spot = obj["spec"], root.at("spec")
    scope = _body(spot, spec)
    if not spec.get("validations") and not spec.get("auditAnnotations"):
        spot.at("validations").required(NOTHING)
        spot.at("auditAnnotations").required(NOTHING)
    for number, one in enumerate(spec.get("validations") or ()):
        _validation(spot.at("validations").index(number), one, scope)
    _notes(spot.at("auditAnnotations"), obj, scope)


def mutating(root: Spot, obj: Obj) -> None:
    """Check a MutatingAdmissionPolicy."""
    spec, spot = obj["spec"], root.at("spec")
    scope = _body(spot, spec, objects=True)
    if not spec.get("mutations"):
        spot.at("mutations").required("mutations must contain at least one item")
    for number, one in enumerate(spec.get("mutations") or ()):
        _mutation(spot.at("mutations").index(number), one, scope)
    spot.at("reinvocationPolicy").choice(spec.get("reinvocationPolicy"), REINVOCATION)


def validating_binding(root: Spot, obj: Obj) -> None:
    """Check a ValidatingAdmissionPolicyBinding."""
    mutating_binding(root, obj)
    spot, actions = root.at("spec").at("validationActions"), obj["spec"].get("validationActions") or []
    if not actions:
        spot.required()
    for number, action in enumerate(actions):
        if action not in ACTIONS:
            spot.index(number).unsupported(action, ACTIONS)
        if action in actions[:number]:
            spot.index(number).duplicate(action)
    if {"Deny", "Warn"} <= set(actions):
        spot.invalid(actions, BOTH)


def mutating_binding(root: Spot, obj: Obj) -> None:
    """Check a MutatingAdmissionPolicyBinding."""
    spec, spot = obj["spec"], root.at("spec")
    policy = spec.get("policyName") or ""
    if policy:
        spot.at("policyName").each(policy, formats.dns_subdomain(policy))
    else:
        spot.at("policyName").required()
    if spec.get("paramRef") is not None:
        _param_ref(spot.at("paramRef"), spec["paramRef"])
    if spec.get("matchResources") is not None:
        _resources(spot.at("matchResources"), spec["matchResources"])


def _body(spot: Spot, spec: Obj, *, objects: bool = False) -> dict[str, Type]:
    """Check what both sorts share; return what expressions may name."""
    spot.at("failurePolicy").choice(spec.get("failurePolicy"), FAILURE)
    if spec.get("paramKind") is not None:
        _param_kind(spot.at("paramKind"), spec["paramKind"])
    constraints = spec.get("matchConstraints")
    if constraints is None:
        spot.at("matchConstraints").required()
    else:
        _resources(spot.at("matchConstraints"), constraints)
        if not constraints.get("resourceRules"):
            spot.at("matchConstraints").at("resourceRules").required()
    names, known = expressions.scope(params=spec.get("paramKind") is not None), dict[str, Type]()
    for number, one in enumerate(spec.get("variables") or ()):
        _variable(spot.at("variables").index(number), one, names, known, objects=objects)
    scope = expressions.with_variables(names, known)
    match_conditions(spot.at("matchConditions"), spec.get("matchConditions") or [], scope)
    return scope


def _variable(spot: Spot, one: Obj, names: dict[str, Type], known: dict[str, Type], *, objects: bool) -> None:
    name, text = str(one.get("name") or ""), str(one.get("expression") or "")
    if not name.strip():
        spot.at("name").required("name is not specified")
    elif not IDENTIFIER.fullmatch(name) or name in RESERVED:
        spot.at("name").invalid(name, "name is not a valid CEL identifier")
    elif name in known:
        spot.at("name").duplicate(name)
    scope = expressions.with_variables(names, dict(known))
    _expression(spot.at("expression"), text, fault_of(text, scope, objects=objects))
    known[name] = type_of(text, scope, objects=objects)


def _expression(spot: Spot, text: str, fault: str) -> None:
    if not text.strip():
        spot.required("expression is not specified")
    elif fault:
        spot.invalid(text, fault)


def _validation(spot: Spot, one: Obj, scope: dict[str, Type]) -> None:
    text = str(one.get("expression") or "")
    _expression(spot.at("expression"), text, fault_of(text, scope, wanted=("bool",)))
    said = one.get("messageExpression")
    if said:
        without = {name: sort for name, sort in scope.items() if name != "authorizer"}
        fault = fault_of(said, without, wanted=("string",))
        if not said.strip():
            spot.at("messageExpression").invalid(said, "must be non-empty if specified")
        elif fault:
            spot.at("messageExpression").invalid(said, fault)
    message = one.get("message")
    if message and not message.strip():
        spot.at("message").invalid(message, "message must be non-empty if specified")
    elif message and "\n" in message.strip():
        spot.at("message").invalid(message, "message must not contain line breaks")
    if one.get("reason") and one["reason"] not in REASONS:
        spot.at("reason").unsupported(one["reason"], REASONS)


def _notes(spot: Spot, obj: Obj, scope: dict[str, Type]) -> None:
    rows, seen = obj["spec"].get("auditAnnotations") or [], set[str]()
    if len(rows) > NOTES_MAX:
        spot.too_many(len(rows), NOTES_MAX)
    for number, one in enumerate(rows):
        here, key, text = spot.index(number), str(one.get("key") or ""), str(one.get("valueExpression") or "")
        here.at("key").each(key, formats.qualified_name(f"{obj['metadata'].get('name', '')}/{key}"))
        if key in seen:
            here.at("key").duplicate(key)
        seen.add(key)
        if not text.strip():
            here.at("valueExpression").required("valueExpression is not specified")
            continue
        fault = fault_of(text, scope, wanted=("string", "null"))
        if fault:
            here.at("valueExpression").invalid(text, fault)


def _mutation(spot: Spot, one: Obj, scope: dict[str, Type]) -> None:
    sort = one.get("patchType")
    if sort not in PATCHES:
        spot.at("patchType").choice(sort, PATCHES)
        return
    members = {"ApplyConfiguration": "applyConfiguration", "JSONPatch": "jsonPatch"}
    member, other = members[sort], members[PATCHES[sort == "ApplyConfiguration"]]
    if one.get(other) is not None:
        spot.at(other).invalid(one[other], f"{other} must not be specified when patchType is {sort}")
    if one.get(member) is None:
        spot.at(member).required(f"must be specified when patchType is {sort}")
        return
    text = str(one[member].get("expression") or "")
    wanted = "Object" if sort == "ApplyConfiguration" else "list(JSONPatch)"
    fault = fault_of(text, scope, wanted=(wanted,), objects=True)
    _expression(spot.at(member).at("expression"), text, fault)


def _param_kind(spot: Spot, kind: Obj) -> None:
    version, name = str(kind.get("apiVersion") or ""), str(kind.get("kind") or "")
    group, _, number = version.rpartition("/")
    if not version:
        spot.at("apiVersion").required()
    elif version.count("/") > 1:
        spot.at("apiVersion").invalid(version, f"unexpected GroupVersion string: {version}")
    else:
        spot.at("apiVersion").each(group, formats.dns_subdomain(group) if group else ())
        spot.at("apiVersion").each(number, formats.dns_1035_label(number))
    if not name:
        spot.at("kind").required()
    else:
        spot.at("kind").each(name, [MIXED_CASE + fault for fault in formats.dns_1035_label(name.lower())])


def _param_ref(spot: Spot, ref: Obj) -> None:
    name, selector = ref.get("name"), ref.get("selector")
    if name:
        spot.at("name").each(name, formats.path_segment(name))
        if selector is not None:
            spot.at("name").forbidden("name and selector are mutually exclusive")
    if selector is not None:
        label_selector(spot.at("selector"), selector)
        if name:
            spot.at("selector").forbidden("name and selector are mutually exclusive")
    if not name and selector is None:
        spot.required("one of name or selector must be specified")
    spot.at("parameterNotFoundAction").choice(ref.get("parameterNotFoundAction"), NOT_FOUND)


def _resources(spot: Spot, resources: Obj) -> None:
    spot.at("matchPolicy").choice(resources.get("matchPolicy"), MATCH)
    for member in ("namespaceSelector", "objectSelector"):
        label_selector(spot.at(member), resources.get(member))
    for member in ("resourceRules", "excludeResourceRules"):
        for number, rule in enumerate(resources.get(member) or ()):
            here = spot.at(member).index(number)
            rule_with_operations(here, rule)
            _resource_names(here.at("resourceNames"), rule.get("resourceNames") or [])


def _resource_names(spot: Spot, names: list[str]) -> None:
    for number, name in enumerate(names):
        spot.index(number).each(name, formats.path_segment(name))
        if name in names[:number]:
            spot.index(number).duplicate(name)

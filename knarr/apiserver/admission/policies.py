"""Let ValidatingAdmissionPolicies refuse a write, warn of it, or note it for the audit log.

Source: kube apiserver admission/plugin/policy/validating/{dispatcher,validator,policy_decision}.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import orjson

from knarr.api.cel import CelError
from knarr.api.errors import ApiError
from knarr.apiserver.admission import forms, params
from knarr.apiserver.admission.matching import REVIEWS, wanted_form
from knarr.apiserver.admission.params import Misconfigured
from knarr.apiserver.admission.values import Values, conditions_hold, conditions_met, values_of
from knarr.apiserver.admission.words import Admission
from knarr.apiserver.admission_metrics import INVALID, NONE, POLICY_SECONDS, observe
from knarr.apiserver.configured import Binding, Policy

Obj = dict[str, Any]
CODES: Final = {"Forbidden": 403, "Unauthorized": 401, "RequestEntityTooLarge": 413}
MESSAGE_BYTES_MAX: Final = 5 << 10  # of what a messageExpression says. Source: kube apis/cel/config.go
NOTE_BYTES_MAX: Final = 10 << 10  # of an audit annotation's value
FAILURE_NOTE: Final = "validation.policy.admission.k8s.io/validation_failure"


@dataclass(frozen=True, slots=True)
class Denial:
    """Why a write may not be. number: of the validation that says so, -1 where it is none of them."""

    message: str
    reason: str = "Invalid"
    number: int = -1
    always: bool = False  # refuses whatever the binding does with failed validations
    fault: bool = False  # it could not be asked


def validate(a: Admission) -> None:
    """Raise the refusal of the policies, by name."""
    if (a.kind.group, a.kind.plural) in REVIEWS:
        return
    denied: list[tuple[str, Denial]] = []
    for policy in a.core.configured.validating_policies:
        row = wanted_form(a, policy.scope)
        if row is None:
            continue
        values = values_of(a, forms.shown(a, row), tuple(policy.spec.get("variables") or ()))
        denied += _asked(a, policy, values)
    if denied:
        raise refusal(a, denied)


def _asked(a: Admission, policy: Policy, values: Values) -> Iterator[tuple[str, Denial]]:
    """Ask one policy in all its bindings; yield what refuses, with whose words."""
    told = f"ValidatingAdmissionPolicy '{policy.name}'"
    try:
        kind = params.kind_of(a, policy)
    except Misconfigured as fault:
        if policy.fails:
            yield told, Denial(f"failed to configure policy: {fault}")
        return
    for binding in policy.bindings:
        if wanted_form(a, binding.scope) is None:
            continue
        try:
            found = params.collect(a, kind, binding.spec.get("paramRef"))
        except Misconfigured as fault:
            if policy.fails:
                yield f"{told} with binding '{binding.name}'", Denial(f"failed to configure binding: {fault}")
            continue
        for one in found:
            asked = values.with_params(one)
            yield from _bound(a, policy, binding, asked)


def _bound(a: Admission, policy: Policy, binding: Binding, values: Values) -> Iterator[tuple[str, Denial]]:
    told = f"ValidatingAdmissionPolicy '{policy.name}' with binding '{binding.name}'"
    actions, began_s = binding.spec.get("validationActions") or (), a.core.clock.monotonic_s()
    for denial in judged(a, policy, values):
        counted = partial(_count, a, policy, binding, fault=denial.fault, began_s=began_s)
        if denial.fault and not policy.fails:
            counted("allow")
            continue
        if "Deny" in actions:
            counted("deny")
            yield told, denial
        if "Warn" in actions:
            counted("warn")
            a.warnings.append(f"Validation failed for {told}: {denial.message}")
        if "Audit" in actions:
            counted("audit")
            _note_failure(a, policy, binding, denial)
    yield from ((told, denial) for denial in _notes(a, policy, values))


def _count(a: Admission, policy: Policy, binding: Binding, action: str, *, fault: bool, began_s: float) -> None:
    key = (action, INVALID if fault else NONE, policy.name, binding.name)
    observe(a.core.admissions.policies, key, a.core.clock.monotonic_s() - began_s, POLICY_SECONDS)


def judged(a: Admission, policy: Policy, values: Values) -> Iterator[Denial]:
    """Yield the validations that fail, and the faults, of which the failurePolicy decides."""
    key = ("policy", policy.name, a.operation.upper(), "validate")
    try:
        if not conditions_met(values, tuple(policy.spec.get("matchConditions") or ()), key=key):
            return
    except CelError as fault:
        yield Denial(str(fault), fault=True)
        return
    for number, one in enumerate(policy.spec.get("validations") or ()):
        try:
            if values.ask(one["expression"]) is not True:
                yield Denial(message_of(one, values), str(one.get("reason") or "Invalid"), number)
        except CelError as fault:
            yield Denial(str(fault), number=number, fault=True)


def message_of(validation: Obj, values: Values) -> str:
    """Return what is said of a failed validation: the expression's words, the fixed ones, or the expression itself."""
    said = ""
    if validation.get("messageExpression"):
        try:
            found = values.ask(validation["messageExpression"])
            said = found.strip() if isinstance(found, str) else ""
        except CelError:
            said = ""  # a message that fails is no reason to say nothing
        if len(said.encode()) > MESSAGE_BYTES_MAX or "\n" in said:
            said = ""
    fixed = str(validation.get("message") or "").strip()
    return said or fixed or f"failed expression: {validation['expression'].strip()}"


def _notes(a: Admission, policy: Policy, values: Values) -> Iterator[Denial]:
    """Note the policy's audit annotations; yield the faults that refuse."""
    rows = policy.spec.get("auditAnnotations") or ()
    if not rows or not _applies(policy, values):
        return
    for one in rows:
        text = one["valueExpression"]
        try:
            found = values.ask(text)
            if found is not None and not isinstance(found, str):
                raise CelError(f"valueExpression '{text}' resulted in unsupported return type: "
                               f"{type(found).__name__}. Return type must be either string or null.")
        except CelError as fault:
            if policy.fails:
                yield Denial(str(fault), always=True)
            continue
        if found and found.strip():
            key = f"{policy.name}/{one['key']}"
            known, note = a.annotations.get(key), found.strip()[:NOTE_BYTES_MAX]
            a.annotations[key] = note if known in (None, note) else f"{known}, {note}"


def _applies(policy: Policy, values: Values) -> bool:
    try:
        return conditions_hold(values, tuple(policy.spec.get("matchConditions") or ()))
    except CelError:
        return False  # said already


def _note_failure(a: Admission, policy: Policy, binding: Binding, denial: Denial) -> None:
    row = {"message": denial.message, "policy": policy.name, "binding": binding.name,
           "expressionIndex": max(denial.number, 0), "validationActions": list(binding.spec["validationActions"])}
    known = orjson.loads(a.annotations.get(FAILURE_NOTE, "[]"))
    a.annotations[FAILURE_NOTE] = orjson.dumps([*known, row]).decode()


def refusal(a: Admission, denied: list[tuple[str, Denial]]) -> ApiError:
    """Word a refusal by the first that denies. Source: dispatcher.go, reasonToCode."""
    told, denial = denied[0]
    said, reason = f"{told} denied request: {denial.message}", denial.reason
    base = a.refuse(said)
    kind: type[ApiError] = type("Denied", (ApiError,), {"code": CODES.get(reason, 422), "reason": reason})
    return kind(str(base), {**base.details, "causes": [{"message": said}]})

"""Ask one webhook. One that fails is as good as its failurePolicy.

Source: kube apiserver admission/plugin/webhook/{mutating,validating}/dispatcher.go; util/webhook/client.go.
"""

from __future__ import annotations

from typing import Any

from knarr.api.errors import ApiError, BadRequest, Internal
from knarr.apiserver.admission.forms import Shown
from knarr.apiserver.admission.webhook_review import (
    BadReview,
    Verdict,
    denial,
    failed,
    response_of,
    verdict_of,
    version_of,
    written,
)
from knarr.apiserver.admission.words import Admission
from knarr.apiserver.admission_metrics import CALLING, INNER, NONE
from knarr.apiserver.configured import Hook
from knarr.apiserver.outbound import CallFailed
from knarr.apiserver.webhook_places import place_of

Obj = dict[str, Any]
OK, UNAVAILABLE = 200, 503


async def ask(a: Admission, hook: Hook, view: Shown, *, mutating: bool) -> Verdict:
    """Return the verdict; the refusal it contains is raised. It is counted, and how long it took."""
    clock, began_s, code, error = a.core.clock, a.core.clock.monotonic_s(), OK, None
    metrics, step = a.core.admissions, "admit" if mutating else "validating"
    try:
        verdict = await _asked(a, hook, view, mutating=mutating)
        if verdict.fallen:
            code = verdict.fallen
            metrics.fallen_open(hook.name, step)
        return verdict
    except ApiError as refusal:
        code, error = sort_of(refusal)
        raise
    finally:
        took_s = clock.monotonic_s() - began_s
        metrics.webhook(hook.name, step, a.operation.upper(), took_s=took_s, code=code, error=error)


def sort_of(refusal: ApiError) -> tuple[int, str]:
    """Return the code that is counted for a refusal, and whose it was: the webhook's, or a fault of whom."""
    fault = refusal.__cause__
    if isinstance(fault, CallFailed | BadReview):
        return code_of(fault), CALLING
    return (0, INNER) if isinstance(refusal, Internal | BadRequest) else (refusal.code, NONE)


async def _asked(a: Admission, hook: Hook, view: Shown, *, mutating: bool) -> Verdict:
    if a.dry_run and hook.raw.get("sideEffects") not in ("None", "NoneOnDryRun"):
        raise BadRequest(f'admission webhook "{hook.name}" does not support dry run')
    try:
        response = await _call(a, hook, view, mutating=mutating)
        if not response.get("allowed"):
            raise denial(hook.name, response.get("status") or {})
        return verdict_of(hook.name, response)
    except CallFailed as fault:
        return _fallen(hook, f"failed to call webhook: {fault}", fault)
    except BadReview as fault:
        return _fallen(hook, f"received invalid webhook response: {fault}", fault)


def _fallen(hook: Hook, why: str, fault: Exception) -> Verdict:
    if hook.fails:
        raise failed(hook.name, why) from fault
    return Verdict(fallen=code_of(fault))


def code_of(fault: Exception) -> int:
    """Return the code that is counted for a call that failed."""
    return fault.code if isinstance(fault, CallFailed) else UNAVAILABLE


async def _call(a: Admission, hook: Hook, view: Shown, *, mutating: bool) -> Obj:
    client, uid, version = hook.raw["clientConfig"], a.core.uid(), version_of(hook.raw)
    timeout_s = int(hook.raw.get("timeoutSeconds", 10))
    place = place_of(a.core, client, timeout_s)
    body = written(a, view, version=version, uid=uid)
    answer = await a.core.outbound.post(place, body, ca=client.get("caBundle") or "", timeout_s=timeout_s)
    return response_of(answer, version=version, uid=uid, mutating=mutating)

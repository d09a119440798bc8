"""Let webhooks change a write, then let others refuse it.

Those that change are asked one after the other, each with what the one before has made; one that wants to know is asked
a second time if the object changed after its turn. Those that only refuse are asked side by side.
Source: kube apiserver admission/plugin/webhook/mutating/dispatcher.go, validating/dispatcher.go.
"""

from __future__ import annotations

import asyncio
from typing import Any

import orjson

from knarr.api import defaults, patch
from knarr.api.cel import CelError
from knarr.api.errors import ApiError, Internal
from knarr.api.kinds import Kind
from knarr.apiserver.admission import forms
from knarr.apiserver.admission.matching import wanted_form
from knarr.apiserver.admission.turns import Turns
from knarr.apiserver.admission.values import conditions_met, values_of
from knarr.apiserver.admission.webhook_call import ask
from knarr.apiserver.admission.webhook_review import Verdict
from knarr.apiserver.admission.words import Admission
from knarr.apiserver.configured import Hook

Obj = dict[str, Any]
CHANGED_NOTE, PATCH_NOTE = "mutation.webhook.admission.k8s.io", "patch.webhook.admission.k8s.io"
FALLEN_NOTE = "failed-open.{sort}.webhook.admission.k8s.io/{at}"  # audit annotations


async def mutate(a: Admission, turns: Turns) -> None:
    """Ask those whose turn it is and that may change the object; it is changed in place."""
    for number, hook in enumerate(a.core.configured.mutating_hooks):
        key = f"webhook/{hook.key}"
        if not turns.due(key, again=hook.raw.get("reinvocationPolicy") == "IfNeeded"):
            continue
        row = _called(a, hook, "admit")
        if row is None:
            continue
        changed = await _apply(a, hook, row, at=f"round_{int(turns.again)}_index_{number}")
        turns.done(key, changed=changed)


async def validate(a: Admission) -> None:
    """Ask those that may only refuse; the first refusal in order counts."""
    hooks = a.core.configured.validating_hooks
    called = [(hook, row) for hook in hooks if (row := _called(a, hook, "validate")) is not None]
    if not called:
        return
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_heard(a, hook, row)) for hook, row in called]
    answers = [task.result() for task in tasks]
    for answer in answers:
        if isinstance(answer, ApiError):
            raise answer
    for number, ((hook, _), answer) in enumerate(zip(called, answers, strict=True)):
        if isinstance(answer, Verdict):
            _tell(a, answer)
            if answer.fallen:
                a.annotations[FALLEN_NOTE.format(sort="validating", at=f"round_0_index_{number}")] = hook.name


def _called(a: Admission, hook: Hook, step: str) -> Kind | None:
    """Return the kind in whose form a webhook is to be asked; None if it is not. step: as metrics call it."""
    row = wanted_form(a, hook.scope)
    if row is None or not hook.conditions:
        return row
    try:
        key = ("webhook", hook.name, a.operation.upper(), step)
        return row if conditions_met(values_of(a, forms.shown(a, row)), hook.conditions, key=key) else None
    except CelError as fault:
        if not hook.fails:
            return None
        raise a.refuse(str(fault)) from fault


async def _heard(a: Admission, hook: Hook, row: Kind) -> Verdict | ApiError:
    try:
        return await ask(a, hook, forms.shown(a, row), mutating=False)
    except ApiError as refusal:
        return refusal


def _tell(a: Admission, verdict: Verdict) -> None:
    a.warnings.extend(verdict.warnings)
    a.annotations.update(verdict.annotations)


async def _apply(a: Admission, hook: Hook, row: Kind, *, at: str) -> bool:
    """Ask one; say whether it changed the object. at: the turn, as the audit log calls it."""
    view = forms.shown(a, row)
    verdict = await ask(a, hook, view, mutating=True)
    _tell(a, verdict)
    if verdict.fallen:
        a.annotations[FALLEN_NOTE.format(sort="mutating", at=at)] = hook.name
    changed = verdict.patch is not None and _patched(a, hook, view, row, patches=verdict.patch)
    who = {"configuration": hook.key.rpartition("/")[0], "webhook": hook.name}
    a.annotations[f"{CHANGED_NOTE}/{at}"] = orjson.dumps({**who, "mutated": changed}).decode()
    if verdict.patch is not None:
        note = {**who, "patch": verdict.patch, "patchType": "JSONPatch"}
        a.annotations[f"{PATCH_NOTE}/{at}"] = orjson.dumps(note).decode()
    return changed


def _patched(a: Admission, hook: Hook, view: forms.Shown, row: Kind, *, patches: list[Obj]) -> bool:
    """Change the object as a webhook wants it; say whether that made a difference."""
    if view.obj is None:
        raise _internal(f'admission webhook "{hook.name}" attempted to modify the object, which is not supported for '
                        "this operation")
    before = orjson.dumps(a.obj)
    try:
        forms.take(a, row, patch.json_patch(orjson.loads(orjson.dumps(view.obj)), patches))
    except ApiError as fault:
        raise _internal(str(fault)) from fault
    if a.spoken is None:
        defaults.apply(a.kind, a.obj)
    return orjson.dumps(a.obj) != before


def _internal(why: str) -> Internal:
    return Internal(f"Internal error occurred: {why}", {"causes": [{"message": why}]})

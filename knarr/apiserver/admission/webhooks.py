"""Let webhooks change a write, then let others refuse it.

Those that change are asked one after the other, each with what the one before has made; one that wants to know is asked
a second time if a later one changed more. Those that only refuse are asked side by side.
Source: kube apiserver admission/plugin/webhook/mutating/dispatcher.go, validating/dispatcher.go.
"""

from __future__ import annotations

import asyncio
from typing import Any

import orjson

from knarr.api import defaults, patch, schema_decode
from knarr.api.errors import ApiError, Internal
from knarr.apiserver import convert
from knarr.apiserver.admission.webhook_call import Verdict, ask
from knarr.apiserver.admission.webhook_match import Matched, matching
from knarr.apiserver.admission.words import Admission

Obj = dict[str, Any]
MUTATING, VALIDATING = "mutatingwebhookconfigurations", "validatingwebhookconfigurations"


async def mutate(a: Admission) -> None:
    """Ask those that may change the object; it is changed in place."""
    hooks = list(matching(a, MUTATING))
    last_change = -1
    for number, matched in enumerate(hooks):
        if await _apply(a, matched):
            last_change = number
    for matched in hooks[:max(last_change, 0)]:
        if matched.hook.get("reinvocationPolicy") == "IfNeeded":
            await _apply(a, matched)


async def validate(a: Admission) -> None:
    """Ask those that may only refuse; the first refusal in order counts."""
    hooks = list(matching(a, VALIDATING))
    if not hooks:
        return
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_heard(a, matched)) for matched in hooks]
    answers = [task.result() for task in tasks]
    for answer in answers:
        if isinstance(answer, ApiError):
            raise answer
    for answer in answers:
        a.warnings.extend(answer.warnings if isinstance(answer, Verdict) else ())


async def _heard(a: Admission, matched: Matched) -> Verdict | ApiError:
    try:
        return await ask(a, matched)
    except ApiError as refusal:
        return refusal


async def _apply(a: Admission, matched: Matched) -> bool:
    """Ask one; say whether it changed the object."""
    verdict = await ask(a, matched)
    a.warnings.extend(verdict.warnings)
    if not verdict.patch or a.operation == "delete":
        return False
    before = orjson.dumps(a.obj)
    try:
        made = patch.json_patch(convert.served(matched.kind, orjson.loads(before)), verdict.patch)
        made = schema_decode.settle(made, matched.kind, validation="Ignore").obj
    except ApiError as fault:
        raise Internal(f'Internal error occurred: webhook "{matched.name}" sent a patch that fails: {fault}') from fault
    fresh = convert.stored(matched.kind, made)
    defaults.apply(a.kind, fresh)
    a.obj.clear()
    a.obj.update(fresh)
    return orjson.dumps(a.obj) != before

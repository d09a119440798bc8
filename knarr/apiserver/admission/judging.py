"""Let webhooks and policies change and refuse: what `judges.judges()` brings in when the first one is configured.

    mutate(a, complete)        change the object; what is added is completed as if the client had written it
    validate(a)                refuse the object as it is now
    answered(core, request)    both, for requests that store no object of their kind
"""

from __future__ import annotations

from collections.abc import Iterable

from knarr.api.errors import BadRequest
from knarr.apiserver.admission import answering, forms, mutations, policies, webhooks
from knarr.apiserver.admission.matching import wanted_form
from knarr.apiserver.admission.turns import Turns
from knarr.apiserver.admission.words import Admission, Step
from knarr.apiserver.configured import Hook, Policy
from knarr.apiserver.core import Core, Request


async def mutate(admission: Admission, complete: Step) -> None:
    """Let policies and webhooks change the object in place. complete: the built-in rules, which always look again.

    Source: kube apiserver admission/reinvocation.go.
    """
    found = admission.core.configured
    await _convert(admission, (*found.mutating_hooks, *found.mutating_policies))
    turns, identity, owned = Turns(), (admission.namespace, admission.name), _owned(admission)
    mutations.mutate(admission, turns)
    await webhooks.mutate(admission, turns)
    if turns.changed:
        turns.again = True
        if admission.spoken is None:
            await complete(admission)
        mutations.mutate(admission, turns)
        await webhooks.mutate(admission, turns)
        _keep_identity(admission, *identity)
        admission.obj.get("metadata", {}).update(owned)


async def _convert(admission: Admission, judges: Iterable[Hook | Policy]) -> None:
    """Have the forms ready that are asked for, where a kind's versions are converted by a webhook."""
    if admission.kind.rules is None or admission.kind.rules.webhook is None:
        return
    rows = [row for one in judges if (row := wanted_form(admission, one.scope)) is not None]
    await forms.convert_ahead(admission, rows)


def _owned(admission: Admission) -> dict[str, str]:
    """Return what only the server sets in an object."""
    meta = admission.obj.get("metadata") or {}
    return {name: meta[name] for name in ("uid", "creationTimestamp", "resourceVersion") if name in meta}


def _keep_identity(admission: Admission, namespace: str, name: str) -> None:
    if admission.namespace != namespace:
        raise BadRequest("the namespace of the provided object does not match the namespace sent on the request")
    if admission.operation != "create" and admission.name != name:
        raise BadRequest(
            f"the name of the object ({admission.name}) does not match the name on the URL ({name})")


async def validate(admission: Admission) -> None:
    """Let policies and webhooks refuse the object."""
    found = admission.core.configured
    await _convert(admission, (*found.validating_hooks, *found.validating_policies))
    policies.validate(admission)
    await webhooks.validate(admission)


async def answered(core: Core, request: Request) -> None:
    """Judge a request that stores no object of its kind; its body may be changed."""
    admission = answering.admission_of(core, request)
    if admission is None:
        return
    before = answering.body_of(admission)
    await mutate(admission, _nothing)
    await validate(admission)
    if answering.body_of(admission) != before:
        answering.put(request, admission)


async def _nothing(_: Admission) -> None:
    """Complete nothing: what is not stored has no defaults but its reader's."""

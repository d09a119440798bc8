"""Carry out what a plan asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import structlog

from knarr.api.errors import AlreadyExists, ApiError, Conflict, NotFound
from knarr.client.client import Client, metadata
from knarr.reconcile.actions import Action, After, Create, Delete, Event, Failure, Patch, Told, Update
from knarr.reconcile.events import Recorder

WRITES_MAX = 32   # in flight at once for one key; the store commits them in one group

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Written:
    """A write that was acknowledged, to be seen in the cache before its key is looked at again.

    version: its resourceVersion; 0: a delete, seen when the object with this uid is gone or going.
    """

    of: type
    namespace: str
    name: str
    uid: str
    version: int


@dataclass(slots=True)
class Outcome:
    """What came of one pass.

    conflict: somebody else wrote first. fault: the server gave no answer; what was sent may have been done.
    again_s: when the plan wants to look again.
    """

    written: list[Written] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    conflict: bool = False
    fault: OSError | None = None
    again_s: float | None = None

    @property
    def stopped(self) -> bool:
        """Tell whether the rest of the actions must not be tried."""
        return bool(self.failures) or self.conflict or self.fault is not None


async def act(client: Client, recorder: Recorder, actions: Sequence[Action]) -> Outcome:
    """Carry out actions in order; the first group with a refusal or a fault is the last."""
    outcome = Outcome()
    for (together, _, _), group in groupby(actions, _sort):
        members = list(group)
        if together:
            await _together(client, recorder, members, outcome=outcome)
        else:
            await _in_order(client, recorder, members, outcome=outcome)
        if outcome.stopped:
            break
    return outcome


def _sort(action: Action) -> tuple[bool, type, type]:
    """Say what may be sent together: creates of one kind, deletes of one kind, patches that allow it."""
    if isinstance(action, Create | Delete) or (isinstance(action, Patch) and action.together):
        return True, type(action), type(action.obj)
    return False, type(action), type(None)


async def _together(client: Client, recorder: Recorder, actions: list[Action], *, outcome: Outcome) -> None:
    """Send creates, or deletes, many at a time: first one, then twice as many each time, so that a refusal that
    meets all is met once. Source: kube replica_set.go, slowStartBatch."""
    for batch in _batches(actions):
        async with asyncio.TaskGroup() as group:
            for action in batch:
                group.create_task(_attempt(client, recorder, action, outcome=outcome))
        if outcome.stopped:
            return


async def _in_order(client: Client, recorder: Recorder, actions: Iterable[Action], *, outcome: Outcome) -> None:
    for action in actions:
        if isinstance(action, Event):
            recorder.event(action.about, action.reason, action.message, type=action.type)
        elif isinstance(action, After):
            outcome.again_s = min(action.delay_s, outcome.again_s if outcome.again_s is not None else action.delay_s)
        else:
            await _attempt(client, recorder, action, outcome=outcome)
        if outcome.stopped:
            return


async def _attempt(client: Client, recorder: Recorder, action: Action, *, outcome: Outcome) -> None:
    try:
        written = await _send(client, action)
    except OSError as error:
        outcome.fault = error
        return
    except Conflict:
        # Somebody wrote first: the cache will show it, and the plan is made anew.
        outcome.conflict = not isinstance(action, Delete)
        return
    except NotFound as error:
        if isinstance(action, Delete):     # gone already, which is what was wanted
            return
        outcome.failures.append(Failure(action, str(error), error.reason))
        return
    except ApiError as error:
        outcome.failures.append(Failure(action, str(error), error.reason))
        _tell_failure(recorder, action, error)
        return
    outcome.written.append(written)
    if isinstance(action, Create | Delete) and action.told is not None:
        _tell(recorder, action.told, name=written.name)


async def _send(client: Client, action: Action) -> Written:
    if isinstance(action, Create):
        return _seen(await client.create(action.obj))
    if isinstance(action, Update):
        return _seen(await client.update(action.obj, subresource=action.subresource))
    assert isinstance(action, Patch | Delete), f"{action} is no write"
    meta, of = metadata(action.obj), type(action.obj)
    namespace, name = meta.namespace or "", meta.name or ""
    if isinstance(action, Patch):
        return _seen(await client.patch(
            of, namespace, name, patch=action.patch, content_type=action.content_type, subresource=action.subresource))
    await client.delete(of, namespace, name, uid=meta.uid, options=action.options)
    return Written(of, namespace, name, meta.uid or "", 0)


def _seen(obj: object) -> Written:
    meta = metadata(obj)
    version = int(meta.resourceVersion or 0)
    return Written(type(obj), meta.namespace or "", meta.name or "", meta.uid or "", version)


def _tell(recorder: Recorder, told: Told, *, name: str) -> None:
    reason, message = told.done
    if reason:
        recorder.event(told.about, reason, message.format(name=name))


def _tell_failure(recorder: Recorder, action: Action, error: ApiError) -> None:
    if not isinstance(action, Create | Delete) or action.told is None or _namespace_ends(error):
        return
    reason, message = action.told.failed
    if reason and not isinstance(error, AlreadyExists):
        recorder.event(action.told.about, reason, _worded(message, action, error), type="Warning")


def _worded(message: str, action: Create | Delete, error: ApiError) -> str:
    name = metadata(action.obj).name or metadata(action.obj).generateName or ""
    return message.format(name=name, error=error)


def _namespace_ends(error: ApiError) -> bool:
    """Tell whether the refusal only says that the namespace is being deleted. Source: kube HasStatusCause."""
    return any(cause.get("reason") == "NamespaceTerminating" for cause in error.details.get("causes") or ())


def _batches(actions: list[Action]) -> Iterator[list[Action]]:
    start, size = 0, 1
    while start < len(actions):
        yield actions[start: start + size]
        start, size = start + size, min(size * 2, WRITES_MAX)

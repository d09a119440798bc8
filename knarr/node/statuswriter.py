"""Write pods' statuses: one write at a time for a pod, always the newest, only what differs.

While a write is in flight further changes gather, so that a busy node writes less, not later. So do, for a moment, the
steps of a pod none of whose containers has begun yet, and of one that is deleted or whose containers are all over:
nobody waits for them, and mostly the start, or the pod's end, follows at once. A removal writes the last status itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec
import structlog

from knarr.api.errors import ApiError, Conflict, NotFound
from knarr.api.types.core_v1 import Pod, PodStatus
from knarr.base.backoff import Backoff
from knarr.base.clock import Clock
from knarr.client.client import STRATEGIC, Client
from knarr.node.podmachine.state import Machine
from knarr.node.podmachine.table import Phase, Stage
from knarr.node.settings import Settings
from knarr.node.status import pod_status

WRITES_MAX = 16        # in flight at once
RETRY = Backoff(first_s=0.1, factor=2, cap_s=10)
LULL_S = 0.5           # a step that takes longer is shown: ContainerCreating, or ends without the sandbox's
SHOWN_LULL_S = 5.0     # once that is shown, only the sandbox's condition can come before the start: it has more time
LEAVING_LULL_S = 1.0   # the end of a deleted pod's containers is shown with the pod's own, if that comes so soon
NESTED = (dict, list, tuple)
OURS = ("reason", "message", "podIP")      # fields that are taken back when they no longer hold
PASSING = frozenset({"PodResizePending", "PodResizeInProgress"})     # conditions of ours that go again

log = structlog.get_logger()


class Subject(Protocol):
    """A pod whose status is written."""

    machine: Machine
    silent: bool

    @property
    def shown(self) -> Pod | None:
        """Return the object whose status it is; None while there is none."""
        ...

    def see(self, pod: Pod) -> None:
        """Take a newer object."""


class StatusWriter:
    """Writes what is marked, in tasks of the agent's group."""

    def __init__(self, settings: Settings, client: Client, *, clock: Clock, group: asyncio.TaskGroup,
                 devices: Callable[[str], Mapping[str, list[dict[str, Any]]]] = lambda uid: {}) -> None:
        self._devices = devices
        self._settings = settings
        self._client = client
        self._clock = clock
        self._group = group
        self._slots = asyncio.Semaphore(WRITES_MAX)
        self._news: dict[str, asyncio.Event] = {}        # uid of what is being written -> changed meanwhile

    def mark(self, subject: Subject) -> None:
        """Note that a pod may have changed."""
        uid = subject.machine.pod.metadata.uid or ""
        news = self._news.get(uid)
        if news is not None:
            news.set()
            return
        self._news[uid] = asyncio.Event()
        self._group.create_task(self._write_all(subject, uid))

    async def _write_all(self, subject: Subject, uid: str) -> None:
        failures, news = 0, self._news[uid]
        try:
            while True:
                await lull(subject, news)
                news.clear()
                async with self._slots:
                    failures = 0 if await self.write(subject) else failures + 1
                if failures:
                    await self._client.reach.pause(RETRY.delay_s(failures - 1), self._clock)
                elif not news.is_set():
                    return
        finally:
            del self._news[uid]

    async def write(self, subject: Subject) -> bool:
        """Write the status as it is now, if it differs from what the API has; False when it must be tried again."""
        machine, shown = subject.machine, subject.shown
        if subject.silent or machine.gone or shown is None:
            return True
        new = pod_status(machine, host_ip=self._settings.node_ip, now_s=self._clock.now_s(),
                         devices=self._devices(machine.pod.metadata.uid or ""))
        change = difference(machine.pod.status, new)
        if not change:
            return True
        meta = shown.metadata
        patch = {"metadata": {"uid": meta.uid}, "status": change}
        try:
            subject.see(await self._client.patch(
                Pod, meta.namespace or "", meta.name or "", patch=patch, content_type=STRATEGIC, subresource="status"))
        except (NotFound, Conflict):
            return True         # another pod has the name, or none: the informer will tell
        except (ApiError, OSError) as error:
            log.warning("status.retry", pod=meta.name, namespace=meta.namespace, error=str(error))
            return False
        return True


async def lull(subject: Subject, news: asyncio.Event) -> None:
    """Wait while a pod is only prepared or cleared away, until a step takes long; a start or trouble ends the wait."""
    while (limit_s := patience_s(subject.machine)) > 0:
        news.clear()
        try:
            async with asyncio.timeout(limit_s):
                await news.wait()
        except TimeoutError:
            return


def patience_s(machine: Machine) -> float:
    """Return how long the next step may take before this one is shown; 0: it is shown at once."""
    if is_preparing(machine):
        return SHOWN_LULL_S if machine.pod.status.containerStatuses else LULL_S
    if machine.pod.metadata.deletionTimestamp is not None and not machine.gone:
        return LEAVING_LULL_S
    return LULL_S if machine.phase is Phase.CLOSING else 0.0


def is_preparing(machine: Machine) -> bool:
    """Tell whether no container has begun or failed yet, and the pod shall live."""
    return machine.ending is None and not machine.gone and all(
        box.stage in (Stage.WAITING, Stage.PREPARING) and box.run is None and box.waiting is None
        for box in machine.boxes)


def difference(old: PodStatus, new: dict[str, Any]) -> dict[str, Any]:
    """Return a strategic merge patch of the status; empty when nothing differs."""
    typed = msgspec.convert(new, PodStatus)  # most parts are the same, which typed ones tell at once
    other = [key for key in PodStatus.__struct_fields__ if getattr(old, key) != getattr(typed, key)]
    stored = bare({key: msgspec.to_builtins(getattr(old, key)) for key in other})
    wanted = bare({key: new[key] for key in other if key in new})
    change = {key: new[key] for key, value in wanted.items() if stored.get(key) != value}
    if "conditions" in change:
        held = {each["type"]: each for each in stored.get("conditions", ())}
        # Conditions are merged by type: what no longer holds must be taken back by name.
        changed = [{**{key: None for key in held.get(each["type"], {})}, **each}
                   for each in new["conditions"] if held.get(each["type"]) != bare(each)]
        gone = held.keys() & PASSING - {each["type"] for each in new["conditions"]}
        changed += [{"type": kind, "$patch": "delete"} for kind in sorted(gone)]
        if changed:
            change["conditions"] = changed
        else:
            del change["conditions"]
    if old.resources is None:
        change["resources"] = new["resources"]      # {} says that the node has answered
    if "podIPs" in change:      # merged by ip: what is no longer there must be named
        stale = [each.ip for each in old.podIPs if each.ip not in {new_ip["ip"] for new_ip in new["podIPs"]}]
        change["podIPs"] = [*new["podIPs"], *({"ip": ip, "$patch": "delete"} for ip in stale)]
    change.update({key: None for key in OURS if key in stored and key not in wanted})
    return change


def bare(value: Any) -> Any:
    """Return a value without its empty parts, as typed objects leave them out."""
    if isinstance(value, dict):
        parts = ((key, bare(part) if isinstance(part, NESTED) else part) for key, part in value.items())
        return {key: part for key, part in parts if part}
    if isinstance(value, list | tuple):
        return [bare(part) for part in value]
    return value

"""Let each request in when its flow has a seat, count it, time it, and turn what it raises into an answer.

Streams that last (exec, attach, port-forward, logs, proxies) take no seat; a watch holds one until it has shown what
was there at its start. Source: kube server/filters/priority-and-fairness.go.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from knarr.api.http import Answer, Call, User
from knarr.apiserver import refuse
from knarr.apiserver.core import Core
from knarr.apiserver.flowcontrol.config import Flow, FlowControl, asked
from knarr.apiserver.flowcontrol.levels import Busy, Level
from knarr.apiserver.flowcontrol.rules import Asked
from knarr.apiserver.metrics import APPLY, Metrics, Row
from knarr.apiserver.route import CONNECTING, Target
from knarr.apiserver.security import Attributes

LASTING = CONNECTING | {"log"}
OBJECTS_PER_SEAT = 100  # of a list. Source: kube flowcontrol/request/config.go, ObjectsPerSeat
WAYS_KEPT_MAX = 8192  # requests of one shape are judged once; some 4 MB
CHANGING = frozenset({"create", "update", "patch", "delete", "deletecollection"})
Work: TypeAlias = Callable[[Call, User, Target, str], Awaitable[Answer]]
PathWork: TypeAlias = Callable[[Call, User], Awaitable[Answer]]


class Ticket:
    """Seats that are held beyond the handler's return; given back once, at the latest when nobody knows of it."""

    __slots__ = ("_held", "_level")

    def __init__(self, level: Level, seats: int) -> None:
        self._level, self._held = level, seats

    def release(self) -> None:
        """Give the seats back."""
        if self._held:
            self._level.leave(self._held)
            self._held = 0

    def __del__(self) -> None:
        try:
            self.release()
        except RuntimeError:
            return  # the event loop has gone, and with it all who might have waited for the seats


class Gate:
    """The way in for every request whose caller is known."""

    def __init__(self, core: Core) -> None:
        self.core, self.metrics = core, Metrics()
        settings = core.settings
        self.flows = FlowControl(core.store, settings.requests_max + settings.changes_max)
        self.underway = [0, 0]  # requests that read, requests that change
        self._now = core.clock.monotonic_s
        self._ways: dict[tuple[Any, ...], tuple[Flow, Row]] = {}
        self.flows.on_change(self._ways.clear)

    async def resource(self, call: Call, user: User, target: Target, verb: str, work: Work) -> Answer:  # noqa: PLR0913
        """Answer a request for a resource. work: does it, refusals raised."""
        if target.subresource in LASTING:
            return await self._lasting(call, user, target, verb, work)
        flow, row = self._way(call, user, target, verb)
        level, started_s = flow.level, self._now()
        seats = self._seats(level, target, call) if verb == "list" else 1
        queue = None
        if not level.take(seats, started_s):
            try:
                queue = await level.wait(flow.schema, flow.name, seats)
            except Busy:
                return self._busy(row, flow)
        begun_s = started_s if queue is None else self._now()
        if verb == "watch":
            call.ticket = Ticket(level, seats)
        changing = verb in CHANGING
        self.underway[changing] += 1
        try:
            answer = await work(call, user, target, verb)
        except Exception as error:  # noqa: BLE001  # told apart there; a bug ends this request, not the server
            answer = refuse.answer(error, call)
            if call.ticket is not None:
                call.ticket.release()
        finally:
            ended_s = self._now()
            self.underway[changing] -= 1
            if call.ticket is None:
                level.leave(seats, queue, ended_s - begun_s)
            level.dispatched[flow.schema] += 1
        if flow.headers:
            answer.headers = {**answer.headers, **flow.headers}
        row.observe(call, answer, ended_s - started_s)
        if queue is not None:
            row.waited(ended_s - started_s, ended_s - begun_s)
        return answer

    def _way(self, call: Call, user: User, target: Target, verb: str) -> tuple[Flow, Row]:
        """Return the flow of a request and the row it is counted in. Remembered: this runs on every request."""
        kind = target.kind
        key = (user.name, user.groups, verb, kind.group, kind.version, kind.plural, target.subresource,
               target.namespace or (kind.plural == "namespaces" and target.name), target.name == "",
               verb == "patch" and APPLY in call.headers.get("content-type", ""))  # fmt: skip
        way = self._ways.get(key)
        if way is None:
            if len(self._ways) >= WAYS_KEPT_MAX:
                self._ways.clear()
            row = self.metrics.row("apply" if key[-1] else verb, target)
            way = self._ways[key] = self.flows.judge(asked(user, verb, target)), row
        return way

    async def _lasting(self, call: Call, user: User, target: Target, verb: str, work: Work) -> Answer:  # noqa: PLR0913
        answer = await _answered(call, work(call, user, target, verb))
        self.metrics.row(verb, target).codes[answer.status, False] += 1
        return answer

    async def other(self, call: Call, wanted: Attributes, work: PathWork) -> Answer:
        """Answer a request for what is no resource of ours: a path, or an extension server's. work: does it."""
        resource = f"{wanted.resource}/{wanted.subresource}" if wanted.subresource else wanted.resource
        user, path = wanted.user, "" if resource else wanted.path
        flow = self.flows.judge(Asked(user, wanted.verb, wanted.group, resource, wanted.namespace, path))
        level, queue, started_s = flow.level, None, self._now()
        if not level.take(1, started_s):
            try:
                queue = await level.wait(flow.schema, flow.name, 1)
            except Busy:
                return refuse.too_many(flow.headers)
        try:
            answer = await _answered(call, work(call, user))
        finally:
            level.leave(1, queue, self._now() - started_s)
            level.dispatched[flow.schema] += 1
        if flow.headers:
            answer.headers = {**answer.headers, **flow.headers}
        if resource:
            scope = "resource" if wanted.name else "namespace" if wanted.namespace else "cluster"
            key = (wanted.verb, wanted.group, wanted.version, wanted.resource, wanted.subresource, scope)
            self.metrics.keyed(key).observe(call, answer, self._now() - started_s)
        return answer

    def _seats(self, level: Level, target: Target, call: Call) -> int:
        """Return how many seats a list takes: by what must be read. Source: kube list_work_estimator.go."""
        page = self.core.store.list(target.prefix, limit=1)
        count = len(page.entries) + page.remaining
        limit = call.query.get("limit", "")
        narrowed = "fieldSelector" in call.query or "labelSelector" in call.query
        if limit.isdecimal() and len(limit) < 10 and int(limit) and not narrowed:
            count = min(count, int(limit))
        return max(1, min(-(-count // OBJECTS_PER_SEAT), level.seats_max))

    def _busy(self, row: Row, flow: Flow) -> Answer:
        answer = refuse.too_many(flow.headers)
        row.codes[answer.status, False] += 1
        return answer


async def _answered(call: Call, work: Awaitable[Answer]) -> Answer:
    try:
        return await work
    except Exception as error:  # noqa: BLE001  # told apart in `refuse`; a bug ends this request, not the server
        return refuse.answer(error, call)



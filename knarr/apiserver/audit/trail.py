"""Follow each request from the door to its answer and write down the stages that the policy asks for.

Who is not asked for costs one look at the policy. A stream's end is its own stage; what a handler notes on the way
(`Call.notes`) goes with the last one. Source: kube endpoints/filters/audit.go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any
from uuid import UUID

from knarr.api.http import Answer, Call, User
from knarr.apiserver.audit import events
from knarr.apiserver.audit.log import AuditLog
from knarr.apiserver.audit.policy import Policy, Verdict
from knarr.apiserver.security import Attributes
from knarr.base.clock import Clock
from knarr.base.rng import Rng
from knarr.base.times import rfc3339_micro

ID_HEADER = "audit-id"
ID_CHARS_MAX = 64  # Source: kube endpoints/filters/audit_init.go, maxAuditIDLength
NOBODY = User("")
BEARER = "Authentication failed, attempted: bearer"
NO_CREDENTIALS = "Authentication failed, no credentials provided"


class Audit:
    """The audit of one server."""

    def __init__(self, policy: Policy, log: AuditLog, *, clock: Clock, rng: Rng) -> None:
        self.policy, self.log, self._clock, self._rng = policy, log, clock, rng
        self.levels: Counter[str] = Counter()  # requests, by how much is written down
        self.count = 0  # events

    async def around(self, call: Call, wanted: Attributes, work: Callable[[], Awaitable[Answer]]) -> Answer:
        """Let a request be answered, and write it down."""
        verdict = self.policy.verdict(wanted)
        self.levels[verdict.level] += 1
        audit_id = call.headers.get(ID_HEADER, "")[:ID_CHARS_MAX] or self._id()
        if verdict.level == "None":
            return _told(await work(), audit_id)
        call.notes = {}
        trail = Trail(self, call, wanted, verdict, audit_id)
        trail.reach("RequestReceived", {})
        try:
            answer = await work()
        except BaseException:
            trail.reach("ResponseComplete", {"annotations": call.notes})  # the client went: nothing was answered
            raise
        if answer.stream is None:
            trail.reach("ResponseComplete", trail.parts(answer))
        else:
            trail.reach("ResponseStarted", {"responseStatus": events.status(answer, None)})
            answer.stream = trail.follow(answer, answer.stream)
        return _told(answer, audit_id)

    def stranger(self, call: Call, wanted: Attributes) -> None:
        """Write down that a caller could not be known. Source: kube endpoints/filters/authn_audit.go."""
        verdict = self.policy.verdict(wanted)
        self.levels[verdict.level] += 1
        if verdict.level == "None":
            return
        said = BEARER if "authorization" in call.headers else NO_CREDENTIALS
        trail = Trail(self, call, wanted, verdict, call.headers.get(ID_HEADER, "")[:ID_CHARS_MAX] or self._id())
        status = {"metadata": {}, "status": "Failure", "message": said, "reason": "Unauthorized", "code": 401}
        trail.reach("ResponseStarted", {"responseStatus": status})

    def now(self) -> str:
        """Return the time as events write it."""
        return rfc3339_micro(self._clock.now_s())

    def _id(self) -> str:
        return str(UUID(bytes=self._rng.bytes(16), version=4))


class Trail:
    """One request's events."""

    def __init__(self, audit: Audit, call: Call, wanted: Attributes, verdict: Verdict, audit_id: str) -> None:
        self._audit, self._call, self._verdict = audit, call, verdict
        self._came = audit.now()
        self._common = events.event(audit_id, verdict.level, call, wanted)
        self._verb = wanted.verb

    def reach(self, stage: str, parts: dict[str, Any]) -> None:
        """Write one stage down, if the policy wants it."""
        if stage in self._verdict.silent:
            return
        now = self._came if stage == "RequestReceived" else self._audit.now()
        self._audit.log.write(events.finished(self._common, stage, (self._came, now), parts))
        self._audit.count += 1

    def parts(self, answer: Answer) -> dict[str, Any]:
        """Return what the last stage tells."""
        verdict, call = self._verdict, self._call
        sent = events.sent_object(call) if call.body and (verdict.bodies or self._verb in events.WRITTEN) else None
        if self._verb in events.WRITTEN and "objectRef" in self._common:
            self._common["objectRef"] = events.completed(self._common["objectRef"], sent)
        whole = verdict.level == "RequestResponse"
        found = events.answered_object(answer) if whole or answer.status >= 400 else None
        parts = {
            "responseStatus": events.status(answer, found),
            "requestObject": sent if verdict.bodies else None,
            "responseObject": found if whole else None,
            "annotations": call.notes,
        }
        if verdict.omit_managed:
            for key in ("requestObject", "responseObject"):
                parts[key] = events.unmanaged(parts[key])
        return parts

    async def follow(self, answer: Answer, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Pass a stream on, and write its end down."""
        try:
            async with aclosing(stream) as chunks:  # type: ignore[type-var]
                async for chunk in chunks:
                    yield chunk
        finally:
            status = events.status(answer, None)
            self.reach("ResponseComplete", {"responseStatus": status, "annotations": self._call.notes})


def _told(answer: Answer, audit_id: str) -> Answer:
    answer.headers = {**answer.headers, "Audit-Id": audit_id}
    return answer

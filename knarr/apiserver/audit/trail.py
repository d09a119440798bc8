"""Follow each request from the door to its answer and write down the stages that the policy asks for.

Who is not asked for costs one look at the policy. Rules are about who sent a request, not about whom he acts as. What
lasts (watches, exec, attach, port-forward, logs, proxies) has a stage for the beginning of its answer, too; what a
handler notes on the way (`Call.notes`) goes with the last one. Source: kube endpoints/filters/audit.go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from knarr.api.http import Answer, Call
from knarr.apiserver.audit import events
from knarr.apiserver.audit.log import AuditLog
from knarr.apiserver.audit.policy import Policy, Verdict
from knarr.apiserver.security import Attributes
from knarr.base.clock import Clock
from knarr.base.rng import Rng
from knarr.base.times import rfc3339_micro

ID_HEADER = "audit-id"
ID_CHARS_MAX = 64  # Source: kube endpoints/filters/audit_init.go, maxAuditIDLength
NO_CREDENTIALS = "Authentication failed, no credentials provided"
LASTING = frozenset({"attach", "exec", "log", "portforward", "proxy"})  # subresources. Source: kube server/config.go
SWITCHING = {"metadata": {}, "code": 101}  # exec and its like: from here on it is no HTTP
CLOSED_EARLY = {"metadata": {}, "status": "Success", "message": "Connection closed early", "code": 200}
PATCHES = "patch.webhook.admission.k8s.io/"  # annotations that hold parts of the object


class Audit:
    """The audit of one server."""

    def __init__(self, policy: Policy, log: AuditLog, *, clock: Clock, rng: Rng) -> None:
        self.policy, self.log, self._clock, self._rng = policy, log, clock, rng
        self.levels: Counter[str] = Counter()  # requests, by how much is written down
        self.count = 0  # events

    async def around(self, call: Call, wanted: Attributes, work: Callable[[], Awaitable[Answer]]) -> Answer:
        """Let a request be answered, and write it down."""
        trail, audit_id = self._begun(call, wanted)
        if trail is None:
            return _told(await work(), audit_id)
        call.notes = call.notes or {}  # what was found out about the caller
        trail.reach("RequestReceived", {})
        if trail.lasting and call.upgrade is not None:
            call.upgrade.on_taken = lambda: trail.start(SWITCHING)
        try:
            answer = await work()
        except BaseException:
            trail.end(CLOSED_EARLY)  # the client went: nothing was answered
            raise
        trail.answered(answer)
        return _told(answer, audit_id)

    async def refused(self, call: Call, wanted: Attributes, answer: Answer) -> None:
        """Write down that a caller may not act as the one he asks to be."""

        async def work() -> Answer:
            return answer

        await self.around(call, wanted, work)

    def stranger(self, call: Call, wanted: Attributes) -> None:
        """Write down that a caller could not be known. Source: kube endpoints/filters/authn_audit.go."""
        trail, _ = self._begun(call, wanted)
        if trail is not None:
            said = {"status": "Failure", "message": tried(call), "reason": "Unauthorized", "code": 401}
            trail.reach("ResponseStarted", {"responseStatus": {"metadata": {}, **said}})

    def _begun(self, call: Call, wanted: Attributes) -> tuple[Trail | None, str]:
        """Return the trail of a request, None where nobody wants it, and the request's id."""
        verdict = self.policy.verdict(wanted if call.asker is None else replace(wanted, user=call.asker))
        self.levels[verdict.level] += 1
        audit_id = call.headers.get(ID_HEADER, "")[:ID_CHARS_MAX] or self._id()
        return None if verdict.level == "None" else Trail(self, call, wanted, verdict, audit_id), audit_id

    def now(self) -> str:
        """Return the time as events write it."""
        return rfc3339_micro(self._clock.now_s())

    def _id(self) -> str:
        return self._rng.uuid()


class Trail:
    """One request's events. lasting: its answer may go on for long, and its beginning is a stage."""

    def __init__(self, audit: Audit, call: Call, wanted: Attributes, verdict: Verdict, audit_id: str) -> None:
        self._audit, self._call, self._verdict = audit, call, verdict
        self._came = audit.now()
        self._common = events.event(audit_id, verdict.level, call, wanted)
        self._verb = wanted.verb
        self._status: dict[str, Any] | None = None  # with which the answer began, where that has been told
        self.lasting = wanted.verb in ("watch", "proxy") or wanted.subresource in LASTING

    def reach(self, stage: str, parts: dict[str, Any]) -> None:
        """Write one stage down, if the policy wants it."""
        if stage in self._verdict.silent:
            return
        now = self._came if stage == "RequestReceived" else self._audit.now()
        self._audit.log.write(events.finished(self._common, stage, (self._came, now), parts))
        self._audit.count += 1

    def start(self, status: dict[str, Any]) -> None:
        """Write down how an answer that lasts begins."""
        if self.lasting and self._status is None:
            self._status = status
            self.reach("ResponseStarted", {"responseStatus": status})

    def end(self, status: dict[str, Any]) -> None:
        """Write down that there is no more to come. status: with which it began, unless that has been told."""
        self.start(status)
        self.reach("ResponseComplete", {"responseStatus": self._status or status, "annotations": self._notes()})

    def answered(self, answer: Answer) -> None:
        """Write down what there is of an answer; the end of a stream follows when it comes."""
        status = events.status(answer, None)
        if self._call.bug:
            self.reach("Panic", self._parts(answer))
        elif answer.stream is not None:
            self.start(status)
            answer.stream = self._follow(status, answer.stream)
        elif self._status is not None:
            self.end(self._status)
        else:
            parts = self._parts(answer)
            self.start(parts["responseStatus"])
            self.reach("ResponseComplete", parts)

    def _parts(self, answer: Answer) -> dict[str, Any]:
        """Return what the last stage tells."""
        verdict, call = self._verdict, self._call
        sent = events.sent_object(call) if call.body and (verdict.bodies or self._verb in events.WRITTEN) else None
        if self._verb in events.WRITTEN and "objectRef" in self._common:
            self._common["objectRef"] = events.completed(self._common["objectRef"], sent)
        whole = verdict.level == "RequestResponse"
        found = events.answered_object(answer) if whole or events.is_status(answer) else None
        parts = {
            "responseStatus": events.status(answer, found),
            "requestObject": sent if verdict.bodies else None,
            "responseObject": found if whole else None,
            "annotations": self._notes(),
        }
        if verdict.omit_managed:
            for key in ("requestObject", "responseObject"):
                parts[key] = events.unmanaged(parts[key])
        return parts

    def _notes(self) -> dict[str, str]:
        """Return what was noted on the way; parts of objects only where objects are wanted."""
        notes = self._call.notes or {}
        return notes if self._verdict.bodies else {key: note for key, note in notes.items() if PATCHES not in key}

    async def _follow(self, status: dict[str, Any], stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Pass a stream on, and write its end down."""
        try:
            async with aclosing(stream) as chunks:  # type: ignore[type-var]
                async for chunk in chunks:
                    yield chunk
        finally:
            self.end(status)


def tried(call: Call) -> str:
    """Say by what a caller tried to be known. Source: kube endpoints/filters/authn_audit.go, getAuthMethods."""
    scheme, _, secret = call.headers.get("authorization", "").strip().partition(" ")
    ways = [scheme.lower()] if secret and scheme.lower() in ("basic", "bearer") else []
    ways += ["access_token"] if call.query.get("access_token") else []
    ways += ["x509"] if call.peer_certificate else []
    return f"Authentication failed, attempted: {', '.join(ways)}" if ways else NO_CREDENTIALS


def _told(answer: Answer, audit_id: str) -> Answer:
    answer.headers = {**answer.headers, "Audit-Id": audit_id}
    return answer

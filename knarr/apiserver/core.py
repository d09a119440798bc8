"""Hold what the handlers share: the store, the clock, the dice, the settings, and what one request is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from knarr.api.http import Answer, Call, User
from knarr.apiserver.admission_metrics import AdmissionMetrics
from knarr.apiserver.configured import Configured
from knarr.apiserver.conversion_metrics import ConversionMetrics
from knarr.apiserver.negotiate import PLAIN, Form, accepted
from knarr.apiserver.options import dry_run
from knarr.apiserver.outbound import Outbound
from knarr.apiserver.parsed import Parsed
from knarr.apiserver.registry import Registry
from knarr.apiserver.route import TRUE, Target
from knarr.apiserver.security import Authorizer, MastersOnly
from knarr.apiserver.settings import Settings
from knarr.base.clock import Clock
from knarr.base.rng import Rng
from knarr.base.times import rfc3339
from knarr.store.face import Store


@dataclass(frozen=True, slots=True)
class Core:
    """What every handler may use.

    checks: admission steps that others bring, by (group, plural, operation). desks: who waits to charge quotas, by
    namespace; empty while nobody does. outbound: how to reach servers elsewhere. configured: the webhooks and policies
    there are. authorizer: who may do what, for policies that ask. conversions, admissions: what is told of conversion
    webhooks and of admission. parsed: what admission reads for nearly every write.
    """

    store: Store
    settings: Settings
    clock: Clock
    rng: Rng
    checks: Mapping[tuple[str, str, str], tuple[Any, ...]] = field(default_factory=dict)
    desks: dict[str, Any] = field(default_factory=dict)
    registry: Registry = field(default_factory=Registry)
    outbound: Outbound = field(default_factory=Outbound)
    configured: Configured = field(default_factory=Configured)
    authorizer: Authorizer = field(default_factory=MastersOnly)
    conversions: ConversionMetrics = field(default_factory=ConversionMetrics)
    admissions: AdmissionMetrics = field(default_factory=AdmissionMetrics)
    parsed: Parsed = field(default_factory=Parsed)

    def timestamp(self) -> str:
        """Return now as the API writes it, to the second."""
        return timestamp(self.clock.now_s())

    def uid(self) -> str:
        """Draw a random uid (version 4)."""
        return self.rng.uuid()


def timestamp(now_s: float) -> str:
    """Write a time as RFC 3339 to the second, UTC."""
    return rfc3339(now_s)


OPTIONS = {"create": "CreateOptions", "update": "UpdateOptions", "patch": "PatchOptions", "delete": "DeleteOptions",
           "deletecollection": "DeleteOptions", "get": "GetOptions"}


@dataclass(slots=True)
class Request:
    """One authorized request. warnings: told to the client in headers, in this order."""

    call: Call
    target: Target
    user: User
    verb: str
    form: Form = PLAIN
    warnings: list[str] = field(default_factory=list)

    @property
    def audit_annotations(self) -> dict[str, str]:
        """Return where to note what the audit log is to say of this request; nobody reads it if that is not kept."""
        return {} if self.call.notes is None else self.call.notes

    @property
    def dry_run(self) -> bool:
        """Say whether everything but the store must happen; BadRequest for a value that means nothing."""
        return dry_run(self.call.query)

    @property
    def options(self) -> dict[str, Any]:
        """Return the request's CreateOptions, UpdateOptions or PatchOptions, as admission webhooks are told of them."""
        query = self.call.query
        found: dict[str, Any] = {name: query[name] for name in ("fieldManager", "fieldValidation") if query.get(name)}
        if query.get("force"):
            found["force"] = query["force"] in TRUE
        if query.get("dryRun"):
            found["dryRun"] = [query["dryRun"]]
        return {"kind": OPTIONS[self.verb], "apiVersion": "meta.k8s.io/v1", **found}


def form_of(call: Call, *, rows: bool = True) -> Form:
    """Return the representation a call asks for; else NoRepresentation. rows: whether a table can be made of it."""
    return accepted(call.headers.get("accept", ""), rows=rows)


WARNINGS_MAX = 32  # a client that sends hundreds of unknown fields needs no more to understand
WARNING_CHARS_MAX = 1024  # of one text, so that headers stay within what clients read


def with_warnings(answer: Answer, warnings: list[str]) -> Answer:
    """Put warnings into the `Warning` header, one header with commas. Source: RFC 7234 5.5, kube warning/context.go."""
    if warnings:
        texts = [text[:WARNING_CHARS_MAX].replace("\\", "\\\\").replace('"', '\\"') for text in warnings[:WARNINGS_MAX]]
        value = ", ".join(f'299 - "{text}"' for text in texts).replace("\n", " ").replace("\r", " ")
        answer.headers = {**answer.headers, "Warning": value}
    return answer

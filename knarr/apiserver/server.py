"""Answer every request: route, authenticate, authorize, dispatch. Knows no socket; the edge and the in-process
transport call it.

path → Target → user → allowed? → verb's handler → Answer
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from knarr.api.errors import ApiError, MethodNotAllowed, Unauthorized
from knarr.api.http import Answer, Call, Handler, User
from knarr.api.kinds import Kind
from knarr.apiserver import configured, conversion, framed, health, policy_status, refuse, route
from knarr.apiserver.admission.judges import judges
from knarr.apiserver.admission.words import Step
from knarr.apiserver.aggregation import requests
from knarr.apiserver.aggregation.aggregator import Aggregator
from knarr.apiserver.aggregation.checks import ASKER
from knarr.apiserver.aggregation.registered import Remote
from knarr.apiserver.applying import Applier
from knarr.apiserver.binding import Binder
from knarr.apiserver.bootstrap import bootstrap
from knarr.apiserver.changes import Changer
from knarr.apiserver.components import Components
from knarr.apiserver.core import Core, Request, form_of, with_warnings
from knarr.apiserver.creates import Creator
from knarr.apiserver.definitions import DEFINITION, Definitions
from knarr.apiserver.deletes import Deleter
from knarr.apiserver.documents import Documents
from knarr.apiserver.eviction import Evictor
from knarr.apiserver.flow_objects import Keeper
from knarr.apiserver.gate import Gate, PathWork
from knarr.apiserver.negotiate import PLAIN
from knarr.apiserver.proxying.forward import Forwarder
from knarr.apiserver.proxying.subresources import Proxies
from knarr.apiserver.putting import Putter
from knarr.apiserver.reads import Reader
from knarr.apiserver.route import Target, UnknownPath
from knarr.apiserver.scale import Scaler
from knarr.apiserver.scrape import Scrape
from knarr.apiserver.security import (
    STRANGER,
    Attributes,
    Authenticator,
    Authorizer,
    MastersByCertificate,
    MastersOnly,
    forbidden,
)
from knarr.apiserver.services import Services
from knarr.apiserver.settings import Settings
from knarr.apiserver.streams import Streams
from knarr.apiserver.watches import Watcher
from knarr.base.clock import Clock, SystemClock
from knarr.base.rng import Rng
from knarr.store.face import Store

if TYPE_CHECKING:
    from knarr.apiserver.audit.trail import Audit

Verb: TypeAlias = Callable[[Request], Awaitable[Answer]]
NOBODY = User("")  # who sent no credentials, to the audit log
PROXIED = re.compile(r"/api/v1/(?:namespaces/[^/]+/(?:pods|services)|nodes)/[^/]+/proxy(?:/|$)")
NAME_TERM = re.compile(r"(?:^|,)metadata\.name==?([^,]+)")
LIKE_PARENT = frozenset({"approval", "status", "finalize", "ephemeralcontainers", "resize"})
NARROWED = frozenset({"list", "watch", "deletecollection"})  # verbs whose selectors count for the authorizers
WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
STREAMED = frozenset({"exec", "attach", "portforward"})


@dataclass(frozen=True, slots=True)
class Security:
    """Who decides who calls and what they may, and who writes down what they did."""

    authenticator: Authenticator = field(default_factory=MastersByCertificate)
    authorizer: Authorizer = field(default_factory=MastersOnly)
    audit: Audit | None = None


@dataclass(frozen=True, slots=True)
class Mounts:
    """Handlers that others bring.

    created: for kinds that are answered and forgotten (reviews), by (group, plural). subresources: by (group, plural,
    subresource). paths: exact paths that are no resource, for those whose role allows them. checks: admission steps, by
    (group, plural, operation).
    """

    created: Mapping[tuple[str, str], Verb] = field(default_factory=dict)
    subresources: Mapping[tuple[str, str, str], Verb] = field(default_factory=dict)
    paths: Mapping[str, Handler] = field(default_factory=dict)
    checks: Mapping[tuple[str, str, str], tuple[Step, ...]] = field(default_factory=dict)


class ApiServer:
    """The API over one store. Call `start` before the first request and `stop` after the last."""

    def __init__(
        self,
        store: Store,
        settings: Settings | None = None,
        *,
        clock: Clock | None = None,
        rng: Rng | None = None,
        security: Security | None = None,
        mounts: Mounts | None = None,
    ) -> None:
        self.security, self.mounts = security or Security(), mounts or Mounts()
        rng, clock = rng or Rng.from_machine(), clock or SystemClock()
        self.core = Core(
            store, settings or Settings(), clock, rng, self.mounts.checks, authorizer=self.security.authorizer
        )
        self.reader, self.watcher = Reader(self.core), Watcher(self.core)
        self.components = Components(self.reader)
        self.services = Services(self.core)
        self.creator = Creator(self.core, self.reader, self.services)
        self.changer = Changer(self.core, self.reader, self.services)
        self.applier = Applier(self.creator, self.changer, self._may_create)
        self.deleter = Deleter(self.core, self.reader, self.services)
        self.forwarder = Forwarder()
        self.streams, self.proxies = Streams(self.core, self.forwarder), Proxies(self.core, self.forwarder)
        self.definitions = Definitions(self.core, self.changer, self.deleter, watcher=self.watcher)
        self.aggregator = Aggregator(self.core, self.forwarder, self.handle)
        self.documents = Documents(self.core.settings, self.core.registry, self.aggregator.others)
        self._parse = route.reader(self.core.registry)
        self.gate, self.flow_objects = Gate(self.core), Keeper(self.creator, self.changer)
        build = (("gitVersion", self.core.settings.git_version),)
        self.scrape = Scrape(self.gate, self.watcher, build, audit=self.security.audit)
        self.ready = False
        self._verbs = self._verb_table()
        self._subresources = self._subresource_table()

    async def start(self) -> None:
        """Rebuild what is kept beside the store and make what every cluster has."""
        self.services.load()
        await self.definitions.refresh()
        self.aggregator.load()
        self.core.configured.refresh(self.core.store)
        await bootstrap(self.creator, self.changer)
        self.gate.flows.load()
        self.ready = True

    async def run(self) -> None:
        """Follow what is configured by objects, for ever. Before that, what was there at the start counts."""
        await self.gate.flows.run(self.flow_objects)

    async def stop(self) -> None:
        """Say that this server is leaving, and end the watches, so that clients go elsewhere."""
        self.ready = False
        self.watcher.close()
        await self.forwarder.close()
        await self.core.outbound.close()

    async def handle(self, call: Call) -> Answer:
        """Answer one request; a refusal is an answer too. Nothing but cancellation is raised."""
        try:
            return await self._route(call)
        except Exception as error:  # noqa: BLE001  # a bug ends this request, not the server
            return refuse.answer(error, call)

    def uploads(self, path: str) -> bool:
        """Say whether a path's bodies belong to another server: they are passed on as they come, of any length."""
        if self.aggregator.registered.remotes and self.aggregator.registered.of(path) is not None:
            return True
        return "/proxy" in path and PROXIED.match(path) is not None

    async def _route(self, call: Call) -> Answer:
        if self.aggregator.registered.remotes:
            remote = self.aggregator.registered.of(call.path)
            if remote is not None:
                return await self._elsewhere(call, remote)
        if call.path.startswith(("/api/v1/", "/apis/")):
            try:
                target = self._parse(call.path)
            except UnknownPath:
                return await self._path(call)
            return await self._resource(call, target)
        return await self._path(call)

    async def _elsewhere(self, call: Call, remote: Remote) -> Answer:
        """Let an extension server answer, once the caller is known and may."""
        user = await self._user(call)
        wanted = requests.attributes(call, user)

        async def work(call: Call, user: User) -> Answer:
            self._allow(call, wanted)
            return await self.aggregator.passer.answer(call, user, remote)

        return await self._audited(call, wanted, work)

    async def _resource(self, call: Call, target: Target) -> Answer:
        user, work = await self._user(call), self._admitted
        try:
            verb = route.verb(call.method, target, call.query)
        except MethodNotAllowed:
            verb, work = "other", self._without_verb
        audit = self.security.audit
        if audit is None:
            return await self.gate.resource(call, user, target, verb, work)
        named = verb if verb != "other" else call.method.lower()
        wanted = self._attributes(call, target, user, named)
        return await audit.around(call, wanted, lambda: self.gate.resource(call, user, target, verb, work))

    async def _without_verb(self, call: Call, user: User, target: Target, verb: str) -> Answer:
        """Refuse a method that the resource does not have, to those who might use it if it had."""
        self._authorize(call, target, user, call.method.lower())
        route.verb(call.method, target, call.query)
        raise AssertionError(f"{call.method} {call.path} has a verb after all")

    async def _admitted(self, call: Call, user: User, target: Target, verb: str) -> Answer:
        """Do what a request asks for that has its seat."""
        self._authorize(call, target, user, verb)
        form = PLAIN  # where the answer is not ours to form
        if target.subresource not in route.CONNECTING:
            form = form_of(call, rows=target.has_rows)
        request = Request(call, target, user, verb, form)
        handler = self._verbs[verb] if not target.subresource else self._subresource(request)
        if self.core.configured.active:
            await judges().answered(self.core, request)
        answer = await handler(request)
        if verb in WRITES:
            await self._follow_up(target.kind)
        if target.kind.deprecated:
            request.audit_annotations["k8s.io/deprecated"] = "true"
            answer = with_warnings(answer, [target.kind.deprecated, *request.warnings])
        return answer

    async def _follow_up(self, kind: Kind) -> None:
        """Let a write have its effect on the server itself before its writer is told."""
        if kind.rules is not None or kind is DEFINITION:
            await self.definitions.after(kind)
        elif kind.group == configured.GROUP:
            self.core.configured.refresh(self.core.store)
            await policy_status.refresh(self.changer)

    async def _user(self, call: Call) -> User:
        if call.user is not None:
            return call.user
        try:
            user = await self.security.authenticator.authenticate(call)
            if user is None:
                raise Unauthorized("Unauthorized")
        except Unauthorized:
            if self.security.audit is not None:
                self.security.audit.stranger(call, self._wish(call, NOBODY))
            raise
        except ApiError as refusal:  # to act as somebody else
            if self.security.audit is not None and call.asker is not None:
                await self.security.audit.refused(call, self._wish(call, call.asker), refuse.refusal(refusal))
            raise
        return user

    def _wish(self, call: Call, user: User) -> Attributes:
        """Say what a user wants whose request goes no further."""
        try:
            return self.wish(call, user)
        except ApiError:
            return Attributes(user, call.method.lower(), call.path)

    def wish(self, call: Call, user: User) -> Attributes:
        """Return what a user wants to do by a request that is not yet answered; raises what a bad path raises."""
        if not call.path.startswith(("/api/v1/", "/apis/")):
            return Attributes(user, call.method.lower(), call.path)
        try:
            target = self._parse(call.path)
        except UnknownPath:
            return Attributes(user, call.method.lower(), call.path)
        try:
            return self._attributes(call, target, user, route.verb(call.method, target, call.query))
        except MethodNotAllowed:
            return self._attributes(call, target, user, call.method.lower())

    def _authorize(self, call: Call, target: Target, user: User, verb: str) -> None:
        self._allow(call, self._attributes(call, target, user, verb))

    def _attributes(self, call: Call, target: Target, user: User, verb: str) -> Attributes:
        name = target.name
        if not name and "fieldSelector" in call.query:
            found = NAME_TERM.search(call.query["fieldSelector"])
            name = found[1] if found else ""
        kind, namespace = target.kind, target.namespace
        if kind.plural == "namespaces" and not kind.group and target.name:
            namespace = target.name  # a namespace lies in itself, for who may touch it
        return Attributes(
            user,
            verb,
            call.path,
            kind.group,
            kind.version,
            kind.plural,
            target.subresource,
            namespace,
            name,
            call.query.get("fieldSelector", "") if verb in NARROWED else "",
            call.query.get("labelSelector", "") if verb in NARROWED else "",
        )

    def _may_create(self, request: Request) -> None:
        self._authorize(request.call, request.target, request.user, "create")

    def _allow(self, call: Call, attributes: Attributes) -> None:
        decision = self.security.authorizer.authorize(attributes)
        if call.notes is not None:
            call.notes["authorization.k8s.io/decision"] = "allow" if decision.allowed else "forbid"
            call.notes["authorization.k8s.io/reason"] = decision.reason
        if decision.allowed:
            if call.unread is not None:
                raise call.unread
            return
        if attributes.user is STRANGER:  # who shows no credentials is asked for them, not told what exists
            raise Unauthorized("Unauthorized")
        raise forbidden(attributes, decision.reason)

    def _subresource(self, request: Request) -> Verb:
        target, verb = request.target, request.verb
        mounted = self.mounts.subresources.get((target.kind.group, target.kind.plural, target.subresource))
        if mounted is not None:
            return mounted
        if target.subresource in LIKE_PARENT:
            return self._verbs[verb]
        found = self._subresources.get((target.subresource, verb))
        if found is None:
            raise route.UnknownResource()
        return found

    async def _path(self, call: Call) -> Answer:
        if call.path.startswith(health.OPEN_PATHS) and _head(call.path) in health.OPEN_PATHS:
            return await self._probed(call)
        user = await self._user(call)
        return await self._audited(call, Attributes(user, call.method.lower(), call.path), self._allowed)

    async def _probed(self, call: Call) -> Answer:
        """Answer a health probe without asking who it is: it must not hang on that. Only the audit wants to know."""
        audit = self.security.audit
        if audit is None:
            return await self._found(call)
        try:
            user = call.user or await self.security.authenticator.authenticate(call) or STRANGER
        except ApiError:
            user = STRANGER
        return await audit.around(call, Attributes(user, call.method.lower(), call.path), lambda: self._found(call))

    async def _audited(self, call: Call, wanted: Attributes, work: PathWork) -> Answer:
        audit = self.security.audit
        if audit is None:
            return await self.gate.other(call, wanted, work)
        return await audit.around(call, wanted, lambda: self.gate.other(call, wanted, work))

    async def _allowed(self, call: Call, user: User) -> Answer:
        self._allow(call, Attributes(user, call.method.lower(), call.path.rstrip("/") or "/"))
        return await self._found(call)

    async def _found(self, call: Call) -> Answer:
        path = call.path.rstrip("/") or "/"
        head = _head(path).removeprefix("/")
        if head in ("livez", "readyz", "healthz"):
            return health.health(call, self._checks(head))
        mounted = self.mounts.paths.get(path)
        if mounted is not None:
            return await mounted(call)
        if path == "/version":
            return health.version(self.core.settings)
        if path == "/metrics":
            return await self.scrape.answer(call)
        remote = self.aggregator.registered.of(path.removeprefix("/openapi/v3")) if head == "openapi" else None
        if remote is not None:
            return await self.aggregator.passer.answer(call, ASKER, remote)  # whose documents are for all
        found = await self.documents.answer(call)
        if found is None:
            raise UnknownPath
        return found

    def _checks(self, head: str) -> Mapping[str, health.Check]:
        live: dict[str, health.Check] = {"ping": lambda: True, "store": lambda: self.core.store.revision >= 0}
        return live | {"bootstrap": lambda: self.ready} if head != "livez" else live

    def _verb_table(self) -> Mapping[str, Verb]:
        return {
            "get": self._get,
            "list": self._list,
            "watch": self._watch,
            "create": self._create,
            "update": Putter(self.creator, self.changer, self._may_create).update,
            "patch": self.applier.patch,
            "delete": self.deleter.delete,
            "deletecollection": self.deleter.delete_collection,
        }

    def _subresource_table(self) -> Mapping[tuple[str, str], Verb]:
        scaler, streams = Scaler(self.changer), self.streams
        table: dict[tuple[str, str], Verb] = {
            ("scale", "get"): scaler.get,
            ("scale", "update"): scaler.write,
            ("scale", "patch"): scaler.write,
            ("binding", "create"): Binder(self.changer).create,
            ("eviction", "create"): Evictor(self.changer, self.deleter).create,
            ("log", "get"): streams.log,
        }
        for name in STREAMED:
            table[name, "get"], table[name, "create"] = self._connect, streams.connect
        for verb in ("get", "create", "update", "patch", "delete", ""):
            table["proxy", verb] = self.proxies.answer
        return table

    async def _get(self, request: Request) -> Answer:
        if not request.target.kind.stored:
            return self.components.get(request)
        kind = request.target.kind
        if kind.rules is not None and kind.rules.webhook is not None:
            entry = self.core.store.get(request.target.key)
            if entry is not None:
                await conversion.ready(self.core, kind, [entry])
                return self.reader.show(request, 200, entry)
        return self.reader.get(request)

    async def _list(self, request: Request) -> Answer:
        if not request.target.kind.stored:
            return self.components.collection(request)
        kind = request.target.kind
        if kind.rules is None or kind.rules.webhook is None:
            return self.reader.collection(request)
        listed = self.reader.select(request)
        await conversion.ready(self.core, kind, listed.entries)
        return self.reader.collection(request, listed)

    async def _watch(self, request: Request) -> Answer:
        return await framed.events(request.call, self.watcher.watch(request))

    async def _create(self, request: Request) -> Answer:
        kind = request.target.kind
        mounted = self.mounts.created.get((kind.group, kind.plural))
        if mounted is not None:
            return await mounted(request)
        if kind.plural == "bindings":
            return await self._subresources["binding", "create"](request)
        if not kind.stored:
            raise route.UnknownResource()
        return await self.creator.create(request)

    async def _connect(self, request: Request) -> Answer:
        """Stream by GET, as WebSockets do: who may only read must not run commands by it.

        Source: kube registry/core/pod/rest/subresources.go, AuthorizePodWebsocketUpgradeCreatePermission.
        """
        self._authorize(request.call, request.target, request.user, "create")
        return await self.streams.connect(request)


def _head(path: str) -> str:
    """Return the first part of a path, with its slash."""
    return "/" + path.split("/", 2)[1] if path.startswith("/") else ""

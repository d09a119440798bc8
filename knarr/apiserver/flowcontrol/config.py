"""Keep flow control in step with the FlowSchemas and PriorityLevelConfigurations that are stored.

`load` once, then `run` for ever. Where nothing is stored, what every cluster starts with counts. A schema whose level
is not there leads nowhere: the next one that matches counts, and its status says so.
Source: kube apiserver util/flowcontrol/apf_controller.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from knarr.api.http import User
from knarr.apiserver.flowcontrol import defaults
from knarr.apiserver.flowcontrol.levels import Level, Turns, shares_of
from knarr.apiserver.flowcontrol.rules import Asked, Schema, parse
from knarr.apiserver.route import Target
from knarr.store.face import Compacted, Overrun, Store

PREFIX = "/flowcontrol.apiserver.k8s.io/"
SCHEMAS, LEVELS = f"{PREFIX}flowschemas/", f"{PREFIX}prioritylevelconfigurations/"
SCHEMA_HEADER, LEVEL_HEADER = "X-Kubernetes-PF-FlowSchema-UID", "X-Kubernetes-PF-PriorityLevel-UID"
Obj = Mapping[str, Any]


class Keeper(Protocol):
    """What writes to the store on behalf of flow control."""

    async def restore(self) -> None:
        """Make what must be there again."""

    async def mark(self, name: str, wanted: dict[str, Any]) -> None:
        """Write a schema's condition."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Where a request belongs. headers: what its answer tells of that."""

    schema: str
    name: str
    level: Level
    headers: Mapping[str, str] = field(default_factory=dict)


class FlowControl:
    """The flows of one server. seats: how many it has in all."""

    def __init__(self, store: Store, seats: int) -> None:
        self._store, self._seats, self._seen = store, seats, 0
        self.turns = Turns()
        self._schemas: tuple[tuple[Schema, Level], ...] = ()
        self._listeners: list[Callable[[], object]] = []
        self.dangling: dict[str, tuple[bool, str]] = {}  # by the key of a schema: is its level absent, and its name
        self._configure(defaults.schemas(), defaults.levels())

    def on_change(self, tell: Callable[[], object]) -> None:
        """Call `tell` whenever what `judge` has said no longer counts."""
        self._listeners.append(tell)

    def judge(self, asked: Asked) -> Flow:
        """Return the flow of a request; every request has one."""
        for schema, level in self._schemas:
            if schema.matches(asked):
                headers = {SCHEMA_HEADER: schema.uid, LEVEL_HEADER: level.uid} if schema.uid and level.uid else {}
                return Flow(schema.name, schema.flow_of(asked), level, headers)
        return Flow("catch-all", asked.user.name, self.turns.levels["catch-all"])

    def load(self) -> None:
        """Read everything anew."""
        page = self._store.list(PREFIX)
        stored = [(entry.key, entry.obj) for entry in page.entries]
        schemas = [obj for key, obj in stored if key.startswith(SCHEMAS)]
        levels = [obj for key, obj in stored if key.startswith(LEVELS)]
        if not schemas and not levels:
            schemas, levels = defaults.schemas(), defaults.levels()
        self._configure(schemas, levels)
        self._seen = page.revision

    async def run(self, keeper: Keeper) -> None:
        """Follow the store for ever. keeper: writes what follows from that."""
        await self._mark(keeper)
        while True:
            try:
                async for changes in self._store.watch(PREFIX, since=self._seen):
                    self.load()
                    self._seen = max(self._seen, changes[-1].entry.revision)
                    await keeper.restore()
                    await self._mark(keeper)
            except (Compacted, Overrun):
                self.load()

    async def _mark(self, keeper: Keeper) -> None:
        for name, (absent, level) in tuple(self.dangling.items()):
            await keeper.mark(name, condition(level, absent=absent))

    def _configure(self, schemas: list[dict[str, Any]], levels: list[dict[str, Any]]) -> None:
        by_name = {obj["metadata"]["name"]: obj for obj in defaults.levels() if obj["metadata"]["name"] in MUST}
        by_name.update({obj["metadata"]["name"]: obj for obj in levels})
        shares = sum(shares_of(obj) for obj in by_name.values())
        known = self.turns.levels
        self.turns.levels = {name: known.get(name) or Level(name, self.turns) for name in by_name}
        self.turns.leaving += [level for name, level in known.items() if name not in by_name]
        for name, level in self.turns.levels.items():
            level.configure(by_name[name], shares, self._seats)
        must = [obj for obj in defaults.schemas() if obj["metadata"]["name"] in MUST]
        parsed = {schema.name: schema for schema in map(parse, [*must, *schemas])}
        ordered = sorted(parsed.values(), key=lambda schema: (schema.precedence, schema.name))
        self._schemas = tuple(
            (schema, self.turns.levels[schema.level]) for schema in ordered if schema.level in self.turns.levels
        )
        self.dangling = {
            schema.name: (schema.level not in self.turns.levels, schema.level) for schema in ordered if schema.uid
        }
        for tell in self._listeners:
            tell()


def asked(user: User, verb: str, target: Target) -> Asked:
    """Say what of a request for a resource counts; a namespace lies in itself. Source: kube request/requestinfo.go."""
    kind, sub, namespace = target.kind, target.subresource, target.namespace
    if kind.plural == "namespaces" and not kind.group and target.name:
        namespace = target.name
    return Asked(user, verb, kind.group, f"{kind.plural}/{sub}" if sub else kind.plural, namespace)


def condition(level: str, *, absent: bool) -> dict[str, Any]:
    """Word the condition Dangling. Source: kube apf_controller.go, syncFlowSchemaStatuses."""
    what = f'This FlowSchema references the PriorityLevelConfiguration object named "{level}"'
    if absent:
        said = ("True", "NotFound", f"{what} but there is no such object")
    else:
        said = ("False", "Found", f"{what} and it exists")
    return dict(zip(("type", "status", "reason", "message"), ("Dangling", *said), strict=True))


MUST = defaults.MANDATORY

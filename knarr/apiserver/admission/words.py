"""Say what admission looks at, and how it refuses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from knarr.api import kinds
from knarr.api.errors import Forbidden
from knarr.api.http import User
from knarr.api.kinds import Kind
from knarr.apiserver.core import Core

Obj: TypeAlias = dict[str, Any]


@dataclass(slots=True)
class Admission:
    """One write on its way to the store.

    operation: create, update or delete. obj: the draft, changed in place (on delete: what is stored). old: on update,
    what is stored. warnings: told to the client. dry_run: nothing may be changed elsewhere.
    requested: the kind of the URL, where it is another form of `kind`. spoken: the kind of `obj`, where it is not the
    resource's own (Scale, Eviction). options: those of the request. place: namespace and name, where `obj` has none.
    annotations: what an audit log is to say of the write. converted: forms that a conversion webhook made, by version.
    """

    core: Core
    user: User
    kind: Kind
    operation: str
    obj: Obj
    old: Obj | None = None
    subresource: str = ""
    warnings: list[str] = field(default_factory=list)
    dry_run: bool = False
    requested: Kind | None = None
    spoken: Kind | None = None
    options: Obj = field(default_factory=dict)
    place: tuple[str, str] | None = None
    annotations: dict[str, str] = field(default_factory=dict)
    converted: dict[tuple[str, bytes], Obj] = field(default_factory=dict)

    @property
    def namespace(self) -> str:
        """Return the object's namespace, empty for cluster-wide kinds."""
        if self.place is not None:
            return self.place[0]
        return str(self.obj["metadata"].get("namespace", ""))

    @property
    def name(self) -> str:
        """Return the object's name."""
        if self.place is not None:
            return self.place[1]
        return str(self.obj["metadata"].get("name", ""))

    def find(self, group: str, plural: str, name: str, *, namespace: str = "") -> Obj | None:
        """Read another object, in version v1. What is read here and below belongs to all: it must not be changed."""
        kind = kinds.by_resource(group, "v1", plural)
        assert kind is not None, plural
        entry = self.core.store.get(kind.key(namespace, name))
        return self.core.parsed.of(entry) if entry else None

    def every(self, group: str, plural: str) -> list[Obj]:
        """Read all objects of a cluster-wide kind, in version v1."""
        kind = kinds.by_resource(group, "v1", plural)
        assert kind is not None, plural
        return [self.core.parsed.of(entry) for entry in self.core.store.list(kind.namespace_prefix("")).entries]

    def siblings(self, group: str, plural: str) -> list[Obj]:
        """Read all objects of a kind in the object's own namespace, in version v1. None there: next to no cost."""
        return self.all_in(group, plural, self.namespace)

    def all_in(self, group: str, plural: str, namespace: str) -> list[Obj]:
        """Read all objects of a kind in one namespace, in version v1."""
        kind = kinds.by_resource(group, "v1", plural)
        assert kind is not None, plural
        return [self.core.parsed.of(entry) for entry in self.core.store.list(kind.namespace_prefix(namespace)).entries]

    def refuse(self, why: str) -> Forbidden:
        """Word a refusal. Source: kube apiserver admission/errors.go, NewForbidden."""
        details = {"name": self.name, "group": self.kind.group, "kind": self.kind.plural}
        message = f'{self.kind.resource} "{self.name}" is forbidden: {why}'
        return Forbidden(message, {key: value for key, value in details.items() if value})


Step: TypeAlias = Callable[[Admission], Awaitable[None]]

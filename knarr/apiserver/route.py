"""Read a URL path: which kind, namespace, object and subresource it means.

Reading is pure, and remembered, for it runs on every request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from knarr.api.errors import MethodNotAllowed, NotFound
from knarr.api.kinds import CREATE, Kind, Subresource
from knarr.apiserver.registry import Registry

BY_METHOD = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
WITHOUT_ROWS = frozenset({"binding", "eviction", "token"})  # subresources that nobody has columns for
CONNECTING = frozenset({"exec", "attach", "portforward", "proxy"})  # every method reads as its verb, none as list


class UnknownPath(Exception):
    """The path belongs to no group and version: plain text `404 page not found`."""


class UnknownResource(NotFound):
    """The group and version exist, the resource does not. Its Status has no name to give."""

    def __init__(self) -> None:
        super().__init__("the server could not find the requested resource")


class WrongMethod(MethodNotAllowed):
    """The resource has no such verb."""

    def __init__(self) -> None:
        super().__init__("the server does not allow this method on the requested resource")


@dataclass(frozen=True, slots=True)
class Target:
    """What a path means.

    name empty: the collection. rest: what follows a proxy's path. watched: the old `/watch/` form.
    """

    kind: Kind
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    rest: str = ""
    watched: bool = False

    @property
    def key(self) -> str:
        """Return the store's key of the named object."""
        return self.kind.key(self.namespace, self.name)

    @property
    def prefix(self) -> str:
        """Return the store's prefix of the collection."""
        return self.kind.namespace_prefix(self.namespace)

    @property
    def has_rows(self) -> bool:
        """Say whether a table can be made of it: not of what is only ever created and answered, such as reviews."""
        answered = not self.kind.stored and self.kind.verbs == CREATE
        return self.subresource not in WITHOUT_ROWS and not answered


def reader(registry: Registry) -> Callable[[str], Target]:
    """Return what reads paths by the kinds of a registry, and remembers them until the kinds change.

    It raises UnknownPath or UnknownResource.
    """

    @lru_cache(maxsize=PATHS_KEPT_MAX)
    def parse(path: str) -> Target:
        parts = path.strip("/").split("/")
        if parts[0] == "api" and len(parts) > 2:
            return _in_group(registry, ("", parts[1]), parts[2:])
        if parts[0] == "apis" and len(parts) > 3:
            return _in_group(registry, (parts[1], parts[2]), parts[3:])
        raise UnknownPath

    registry.on_change(parse.cache_clear)
    return parse


def _in_group(registry: Registry, served: tuple[str, str], parts: list[str]) -> Target:
    if not registry.serves(*served):
        raise UnknownPath
    if parts[0] == "watch" and len(parts) > 1:
        return replace(_in_group(registry, served, parts[1:]), watched=True)
    in_namespace = parts[0] == "namespaces" and len(parts) > 2
    if in_namespace and not (served[0] == "" and parts[2] in NAMESPACE_SUBRESOURCES):
        return _target(registry.by_resource(*served, parts[2]), parts[2:], namespace=parts[1])
    return _target(registry.by_resource(*served, parts[0]), parts, namespace="")


def _target(kind: Kind | None, parts: list[str], *, namespace: str) -> Target:
    if kind is None or (namespace and not kind.namespaced):
        raise UnknownResource
    name = parts[1] if len(parts) > 1 else ""
    sub = parts[2] if len(parts) > 2 else ""
    if (name and kind.namespaced and not namespace) or (sub and kind.subresource(sub) is None):
        raise UnknownResource
    rest = "/".join(parts[3:])
    if rest and sub != "proxy":
        raise UnknownResource
    return Target(kind, namespace, name, sub, rest)


def verb(method: str, target: Target, query: Mapping[str, str]) -> str:
    """Return the API verb of a request; WrongMethod if its resource has no such verb."""
    if target.subresource:
        return _subresource_verb(method, target)
    found = BY_METHOD.get(method, "")
    if method in ("GET", "HEAD"):
        found = _reading_verb(target, query)
    elif not target.name and method == "DELETE":
        found = "deletecollection"
    if bool(target.name) == (found in ("create", "deletecollection")) and found not in ("list", "watch"):
        raise WrongMethod
    needs_namespace = target.kind.namespaced and not target.namespace
    if found not in target.kind.verbs or (needs_namespace and found not in ("list", "watch")):
        raise WrongMethod
    return found


def _reading_verb(target: Target, query: Mapping[str, str]) -> str:
    if target.watched or (not target.name and query.get("watch") in TRUE):
        return "watch"
    return "get" if target.name else "list"


def _subresource_verb(method: str, target: Target) -> str:
    row = target.kind.subresource(target.subresource)
    assert row is not None, target
    found = BY_METHOD.get(method, "")
    if method == "OPTIONS" and target.subresource == "proxy":
        return ""  # a verb of no name, which only a role with all verbs allows. Source: kube request/requestinfo.go
    if found not in row.verbs:
        raise WrongMethod
    return found


def subresource_of(target: Target) -> Subresource:
    """Return the row of the target's subresource, which `parse` has made sure of."""
    row = target.kind.subresource(target.subresource)
    assert row is not None, target
    return row


TRUE = frozenset({"1", "true", "True", "TRUE", "t", "T"})
PATHS_KEPT_MAX = 8192  # some 4 MB
NAMESPACE_SUBRESOURCES = frozenset({"finalize", "status"})

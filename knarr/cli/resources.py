"""Find what a word like `deploy` means to the server, and the path its objects have."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from knarr.cli.connect import Server
from knarr.cli.failure import RequestFailed

DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind as the server serves it."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    names: frozenset[str]  # every word that means it
    categories: frozenset[str] = frozenset()  # words that mean it and others, like `all`
    subresources: frozenset[str] = frozenset()

    def path(self, namespace: str | None = None, name: str = "", sub: str = "") -> str:
        """Return the URL path of the collection, an object, or a subresource. namespace None: all of them."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        place = f"/namespaces/{quote(namespace, safe='')}" if self.namespaced and namespace else ""
        one = f"/{quote(name, safe='')}" if name else ""
        return root + place + f"/{self.plural}" + one + (f"/{sub}" if sub else "")

    @property
    def qualified(self) -> str:
        """Return `deployment.apps`, as messages name a kind."""
        return f"{self.kind.lower()}.{self.group}" if self.group else self.kind.lower()


def all_resources(server: Server) -> list[Resource]:
    """Ask the server for everything it serves, in two requests."""
    found: list[Resource] = []
    for root in ("/api", "/apis"):
        for item in server.ask("GET", root, accept=DISCOVERY)["items"]:
            group = item["metadata"].get("name", "")
            found += [
                _resource(group, version["version"], row)
                for version in item["versions"]
                for row in version.get("resources", ())
            ]
    return found


def _resource(group: str, version: str, row: dict[str, Any]) -> Resource:
    plural = row["resource"]
    kind = row["responseKind"]["kind"]
    words = {plural, row.get("singularResource", ""), kind.lower(), *row.get("shortNames", ())}
    full = {f"{word}.{group}" for word in words if group} | {f"{word}.{version}.{group}" for word in words if group}
    return Resource(
        group,
        version,
        kind,
        plural,
        row["scope"] == "Namespaced",
        frozenset(words | full) - {""},
        frozenset(row.get("categories", ())),
        frozenset(sub["subresource"] for sub in row.get("subresources", ())),
    )


def find(server: Server, word: str) -> Resource:
    """Return the kind a word means. Raises RequestFailed when the server serves none."""
    served = all_resources(server)
    match = next((one for one in served if word.lower() in one.names), None)
    if match is None:
        raise _unknown(served, word)
    return match


def find_all(server: Server, word: str) -> list[Resource]:
    """Return the kinds a word means: one, or all of a category like `all`."""
    served = all_resources(server)
    found = [one for one in served if word.lower() in one.names][:1]
    found = found or [one for one in served if word.lower() in one.categories]
    if not found:
        raise _unknown(served, word)
    return found


def _unknown(served: list[Resource], word: str) -> RequestFailed:
    near = difflib.get_close_matches(word.lower(), {name for one in served for name in one.names}, n=1)
    hint = f"did you mean: {near[0]}" if near else "what there is: kubectl api-resources, or docs/reference/kinds.md"
    return RequestFailed(f"the server has no resource type {word!r}", hint=hint)


def named_targets(words: tuple[str, ...], verb: str) -> list[tuple[str, str]]:
    """Turn words into (type, name) pairs, as `split_targets`; each must have a name."""
    found = split_targets(words)
    bare = next((kind for kind, name in found if not name), None)
    if bare is not None:
        raise RequestFailed(f"say which {bare}", hint=f"like: knarr {verb} {bare}/NAME")
    return found


def find_kind(resources: list[Resource], body: dict[str, Any]) -> Resource:
    """Return the kind an object says it is."""
    group, _, version = str(body.get("apiVersion", "")).rpartition("/")
    for one in resources:
        if (one.group, one.version, one.kind) == (group, version, body.get("kind")):
            return one
    raise RequestFailed(
        f"no kind {body.get('kind')!r} in version {body.get('apiVersion')!r} is served here",
        hint=_versions(resources, str(body.get("kind"))),
    )


def _versions(resources: list[Resource], kind: str) -> str:
    served = [f"{one.group}/{one.version}" if one.group else one.version for one in resources if one.kind == kind]
    return (
        f"{kind} is served as {', '.join(dict.fromkeys(served))}" if served else "what there is: kubectl api-resources"
    )


def split_targets(words: tuple[str, ...]) -> list[tuple[str, str]]:
    """Turn `pod a b`, `pod/a svc/b` or `pods` into (type, name) pairs; an empty name means all."""
    if not words:
        raise RequestFailed("say which objects", hint="like: pod/web, or: deployment web")
    if any("/" in word for word in words):
        if not all("/" in word for word in words):
            raise RequestFailed("type/name cannot be mixed with other words", hint="like: pod/a service/b")
        return [(word.partition("/")[0], word.partition("/")[2]) for word in words]
    kinds, names = words[0].split(","), words[1:]
    return [(kind, name) for kind in kinds for name in names or ("",)]

"""Merge what extension servers say of themselves into discovery and OpenAPI.

What a server has said is kept while it is away: its groups stay listed, marked stale, and nobody waits for it.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

import orjson
import structlog

from knarr.api import discovery_remote, openapi_protobuf
from knarr.api.discovery_remote import RemoteVersion
from knarr.apiserver.aggregation.checks import NotThere, Verdict, document
from knarr.apiserver.aggregation.passing import Passer
from knarr.apiserver.aggregation.registered import Remote

Obj = dict[str, Any]
log = structlog.get_logger("apiserver")
INDEX: Final = "/openapi/v3"
V2: Final = "/openapi/v2"
ROUNDS: Final = 10  # checks between two readings of OpenAPI documents that seem the same
UNREADABLE: Final = (ValueError, KeyError, TypeError, AttributeError, RecursionError)
REFERENCE: Final = "#/definitions/"


@dataclass(frozen=True, slots=True)
class Said:
    """What an extension server has said. v3: where its OpenAPI v3 document is, by path; v2: zlib, its own part."""

    resources: tuple[Obj, ...] = ()
    fresh: bool = False
    v3: str = ""
    v2: bytes = b""


@dataclass(slots=True)
class Others:
    """What other servers serve, for the documents. edition: tells one state of them from another."""

    edition: str = ""
    versions: tuple[RemoteVersion, ...] = ()
    _said: dict[str, Said] = field(default_factory=dict)
    _remotes: Mapping[tuple[str, str], Remote] = field(default_factory=dict)
    _rounds: dict[str, int] = field(default_factory=dict)  # checks until OpenAPI is read again

    def replace(self, remotes: Mapping[tuple[str, str], Remote]) -> None:
        """Take in the remotes of now, and forget what those have said that are gone."""
        self._remotes = dict(remotes)
        names = {one.name for one in remotes.values()}
        self._said = {name: said for name, said in self._said.items() if name in names}
        self._rounds = {name: left for name, left in self._rounds.items() if name in names}
        self._settle()

    async def hear(self, remote: Remote, verdict: Verdict, passer: Passer) -> None:
        """Take in what a check found, and read the OpenAPI documents of who is there."""
        known = self._said.get(remote.name, Said())
        resources = known.resources if verdict.resources is None else verdict.resources
        fresh = verdict.status == "True" and verdict.resources is not None
        v3, v2 = known.v3, known.v2
        if verdict.status == "True" and self._is_due(remote, changed=resources != known.resources or not known.fresh):
            v3, v2 = await _v3(passer, remote), await _v2(passer, remote)
        said = Said(resources, fresh, v3, v2)
        if said != known:
            self._said[remote.name] = said
            self._settle()

    def _is_due(self, remote: Remote, *, changed: bool) -> bool:
        left = self._rounds.get(remote.name, 0)
        self._rounds[remote.name] = ROUNDS if changed or not left else left - 1
        return changed or not left

    def group(self, name: str, own: Obj | None) -> Obj | None:
        """Return an APIGroup's members with the remote versions; None if nobody serves the group."""
        if not any(one.group == name for one in self.versions):
            return own
        return {**(own or {"kind": "APIGroup", "apiVersion": "v1"}),
                **discovery_remote.group(name, own, self.versions)}

    def groups(self, own: Obj) -> Obj:
        """Return the APIGroupList of all."""
        return discovery_remote.groups(own, self.versions) if self.versions else own

    def aggregated(self, own: Obj) -> Obj:
        """Return the APIGroupDiscoveryList of all."""
        return discovery_remote.aggregated(own, self.versions) if self.versions else own

    def paths(self, own: list[str]) -> list[str]:
        """Return the paths that are served at `/`."""
        found = {f"/apis/{one.group}" for one in self.versions}
        return sorted({*own, *found, *(f"/apis/{one.group}/{one.version}" for one in self.versions)})

    def index(self, own: Obj) -> Obj:
        """Return the index of OpenAPI v3 documents; a remote's own hash is in its address."""
        places = {self._remote_path(name): said.v3 for name, said in self._said.items() if said.v3}
        remote = {path: {"serverRelativeURL": place} for path, place in places.items()}
        return {**own, "paths": {**own["paths"], **remote}} if remote else own

    def v2(self, own: Obj) -> Obj:
        """Return the OpenAPI v2 document of all. Definitions of one name that differ get a number behind it."""
        for name in sorted(self._said):
            if self._said[name].v2:
                own = _joined(own, orjson.loads(zlib.decompress(self._said[name].v2)))
        return own

    def _remote_path(self, name: str) -> str:
        version, _, group = name.partition(".")
        return f"apis/{group}/{version}"

    def _settle(self) -> None:
        self.versions = tuple(
            RemoteVersion(
                one.group, one.version, one.group_priority, one.version_priority,
                self._said.get(one.name, Said()).resources, self._said.get(one.name, Said()).fresh)
            for one in self._remotes.values()
        )  # fmt: skip
        state = repr((self.versions, sorted(self._said.items())))
        self.edition = sha256(state.encode()).hexdigest() if self._remotes else ""


async def _v3(passer: Passer, remote: Remote) -> str:
    """Return the address of a remote's OpenAPI v3 document; empty if it has none."""
    try:
        found = orjson.loads(await document(passer, remote, INDEX))
        place = found["paths"][remote.path.removeprefix("/")]["serverRelativeURL"]
    except (NotThere, orjson.JSONDecodeError, KeyError, TypeError):
        return ""  # it need not have one; clients fall back to v2
    return place if isinstance(place, str) and place.startswith(f"{INDEX}{remote.path}") else ""


async def _v2(passer: Passer, remote: Remote) -> bytes:
    """Return a remote's part of its OpenAPI v2 document; empty if it has none."""
    try:
        body = await document(passer, remote, V2)
    except NotThere:
        return b""  # likewise
    try:
        return await asyncio.to_thread(_own_part, body, remote.path)
    except UNREADABLE as fault:
        log.warning("apiservice.openapi", name=remote.name, fault=f"{type(fault).__name__}: {fault}")
        return b""


def _own_part(body: bytes, root: str) -> bytes:
    """Return what an OpenAPI v2 document says of one group and version. Raises one of UNREADABLE.

    That it can be written in every form is made sure of here, so that one server's nonsense spoils no other's document.
    """
    found = orjson.loads(body)
    paths = {path: item for path, item in found["paths"].items() if path == root or path.startswith(f"{root}/")}
    part = {"paths": paths, "definitions": _reached(paths, found.get("definitions") or {})}
    openapi_protobuf.encode({"swagger": "2.0", "info": {"title": "", "version": ""}, "securityDefinitions": {}, **part})
    return zlib.compress(orjson.dumps(part))


def _reached(paths: Obj, definitions: Obj) -> Obj:
    """Return the definitions that paths lead to."""
    found: Obj = {}
    waiting: list[Any] = [paths]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            name = str(one.get("$ref", "")).removeprefix(REFERENCE)
            if name in definitions and name not in found:
                found[name] = definitions[name]
                waiting.append(definitions[name])
            waiting += [value for value in one.values() if isinstance(value, (dict, list))]
    return found


def _joined(own: Obj, other: Obj) -> Obj:
    names: dict[str, str] = {}
    for name, schema in other["definitions"].items():
        known = own["definitions"].get(name)
        if known is not None and known != schema:
            number = 2
            while own["definitions"].get(f"{name}_v{number}", schema) != schema:
                number += 1
            names[name] = f"{name}_v{number}"
    renamed = _renamed(other, names) if names else other
    definitions = {names.get(name, name): schema for name, schema in renamed["definitions"].items()}
    return {**own, "paths": {**own["paths"], **renamed["paths"]},
            "definitions": {**own["definitions"], **definitions}}


def _renamed(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_renamed(one, names) for one in value]
    if not isinstance(value, dict):
        return value
    changed = {key: _renamed(one, names) for key, one in value.items()}
    name = str(value.get("$ref", "")).removeprefix(REFERENCE)
    return {**changed, "$ref": f"{REFERENCE}{names[name]}"} if name in names else changed

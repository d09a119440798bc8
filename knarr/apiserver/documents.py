"""Serve the documents that describe the API: discovery and OpenAPI. Each is made on first use and kept.

They depend on nothing but the served kinds, the field table and the descriptions, so their ETags are known without
making them. Large ones are made in a thread, and kept as clients want them: compressed. When the custom kinds change,
what tells of them is made anew, and only that.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha512
from pkgutil import get_data
from typing import Any

import orjson

from knarr.api import discovery, openapi, openapi_protobuf
from knarr.api.custom import document
from knarr.api.errors import NotAcceptable
from knarr.api.http import Answer, Call
from knarr.api.kinds import KINDS, Kind
from knarr.apiserver import descriptions, encode
from knarr.apiserver.aggregation.documents import Others
from knarr.apiserver.negotiate import JSON, Form, NoRepresentation, accepted, ranked
from knarr.apiserver.registry import Registry
from knarr.apiserver.settings import Settings

V2_FORMS = frozenset({"application/json", "*/*", "application/*", ""})
GROUP_LIST = "APIGroupDiscoveryList"
DISCOVERY_GROUP = "apidiscovery.k8s.io"
SMALL_BYTES_MAX = 16 << 10  # sent as they are; arbitrary
FOREVER = "public, immutable, max-age=31536000"  # for who names the document by its hash. Source: kube-openapi handler3
Make = Callable[[], bytes | None]


@dataclass(frozen=True, slots=True)
class Kept:
    """A document. packed: `data` is gzip."""

    data: bytes
    packed: bool

    def plain(self) -> bytes:
        """Return the document itself."""
        return zlib.decompress(self.data, wbits=31) if self.packed else self.data


class Documents:
    """The documents of one server."""

    def __init__(self, settings: Settings, registry: Registry, others: Others) -> None:
        self.settings, self.registry, self.others = settings, registry, others
        self._kept: dict[str, tuple[str, Kept]] = {}
        self._making = asyncio.Lock()  # one at a time: they are heavy, and clients ask for them together
        table = get_data("knarr.api", "schema_table.json") or b""
        self._seed = sha512(repr(KINDS).encode() + table + descriptions.edition().encode()).hexdigest()

    async def answer(self, call: Call) -> Answer | None:
        """Answer if the path is a document's; else None."""
        path = call.path.rstrip("/") or "/"
        if path in ("/api", "/apis"):
            return await self._discovery(call, path)
        if path == "/openapi/v2":
            return await self._openapi_v2(call)
        if path == "/openapi/v3":
            return await self._document(call, path, lambda: orjson.dumps(self._index()))
        if path.startswith("/openapi/v3/"):
            return await self._document(call, path, partial(self._v3, path.removeprefix("/openapi/v3/")))
        if path == "/":
            return await self._document(call, path, lambda: orjson.dumps(self._paths()))
        if path.startswith(("/api/", "/apis/")):
            return await self._document(call, path, lambda: _dumped(self._list_of(path)))
        return None

    def _index(self) -> Any:
        names = sorted({*openapi.names(), *document.names(self.registry.customs)})
        return self.others.index(openapi.index({name: self._etag(f"/openapi/v3/{name}") for name in names}))

    def _v3(self, name: str) -> bytes | None:
        if name not in openapi.names():
            return _dumped(document.v3(name, self.registry.customs, version=self.settings.git_version))
        return _dumped(openapi.v3(name, version=self.settings.git_version, texts=descriptions.read()))

    async def _discovery(self, call: Call, path: str) -> Answer | None:
        core = path == "/api"
        for media, parameters in ranked(call.headers.get("accept", "")):
            version = parameters.get("v", "")
            asked = media == JSON and parameters.get("as") == GROUP_LIST and parameters.get("g") == DISCOVERY_GROUP
            if asked and version in discovery.AGGREGATED_VERSIONS:
                return await self._aggregated(call, path, version)
        address = f"{self.settings.advertise_address}:{self.settings.port}"
        make = partial(discovery.api_versions, address) if core else self._groups
        return await self._document(call, path, lambda: orjson.dumps(make()))

    async def _aggregated(self, call: Call, path: str, version: str) -> Answer | None:
        media = f"{JSON};g={DISCOVERY_GROUP};v={version};as={GROUP_LIST}"
        core = path == "/api"

        def make() -> bytes:
            own = discovery.aggregated(core=core, version=version, served=self.registry.kinds)
            return orjson.dumps(own if core else self.others.aggregated(own))

        return await self._document(call, f"{path}?{version}", make, media=media)

    async def _openapi_v2(self, call: Call) -> Answer | None:
        for media, _ in ranked(call.headers.get("accept", "") or "*/*"):
            if media in V2_FORMS:
                return await self._document(call, "/openapi/v2", partial(self._v2, orjson.dumps), media=JSON)
            if media in openapi_protobuf.ACCEPTED:
                make = partial(self._v2, openapi_protobuf.encode)
                return await self._document(call, "/openapi/v2?protobuf", make, media=openapi_protobuf.MEDIA)
        raise NoRepresentation()

    def _paths(self) -> dict[str, Any]:
        return {"paths": self.others.paths(paths(self.registry.kinds)["paths"])}

    def _groups(self) -> dict[str, Any]:
        return self.others.groups(discovery.group_list(self.registry.kinds))

    def _list_of(self, path: str) -> Any:
        parts, served = path.strip("/").split("/"), self.registry.kinds
        if parts[0] == "api" and len(parts) == 2:
            return discovery.resource_list("", parts[1], served)
        if parts[0] == "apis" and len(parts) == 2:
            return self.others.group(parts[1], discovery.group(parts[1], served))
        if parts[0] == "apis" and len(parts) == 3:
            return discovery.resource_list(parts[1], parts[2], served)
        return None

    def _v2(self, encoded: Callable[[dict[str, Any]], bytes]) -> bytes:
        more, customs = document.v2(self.registry.customs)
        version, texts = self.settings.git_version, descriptions.read()
        return encoded(self.others.v2(openapi.v2(version=version, texts=texts, more=more, customs=customs)))

    async def _document(self, call: Call, key: str, make: Make, *, media: str = "") -> Answer | None:
        """Answer with a document. media: what it is called; empty where it is JSON, which may be asked for as YAML."""
        digest = self._etag(key)
        kept = await self._made(key, make, digest)
        if kept is None:
            return None
        etag = f'"{digest}"'
        headers = {"ETag": etag, "Vary": "Accept, Accept-Encoding"}
        if call.query.get("hash") == digest:
            headers["Cache-Control"] = FOREVER
        if call.headers.get("if-none-match", "") == etag:
            return Answer(304, b"", media or JSON, headers)  # its type replaces that of the copy the client keeps
        form = Form() if media else _form(call)
        if kept.packed and form == Form() and "gzip" in call.headers.get("accept-encoding", ""):
            return Answer(200, kept.data, media or JSON, headers | {"Content-Encoding": "gzip"})
        answer = encode.answer(200, kept.plain(), form)
        answer.content_type, answer.headers = media or answer.content_type, headers
        return answer

    async def _made(self, key: str, make: Make, digest: str) -> Kept | None:
        async with self._making:
            if self._kept.get(key, ("",))[0] != digest:
                kept = await asyncio.to_thread(_keep, make) if key.startswith("/openapi/") else _keep(make)
                if kept is None:
                    self._kept.pop(key, None)
                    return None
                self._kept[key] = digest, kept
            return self._kept[key][1]

    def _etag(self, name: str) -> str:
        fixed = name.removeprefix("/openapi/v3/") in openapi.names()
        edition = "" if fixed else self.registry.edition + self.others.edition
        return sha512(f"{self._seed}{edition}/{self.settings.git_version}/{name}".encode()).hexdigest().upper()


def _keep(make: Make) -> Kept | None:
    data = make()
    if data is None or len(data) <= SMALL_BYTES_MAX:
        return None if data is None else Kept(data, packed=False)
    return Kept(zlib.compress(data, wbits=31), packed=True)


def _dumped(document: Any) -> bytes | None:
    return None if document is None else orjson.dumps(document)


def _form(call: Call) -> Form:
    try:
        return accepted(call.headers.get("accept", ""))
    except NotAcceptable:
        return Form()  # documents are JSON, whatever old clients list first


def paths(served: Sequence[Kind] = KINDS) -> dict[str, list[str]]:
    """Return what is served at `/`."""
    found = ["/api", "/api/v1", "/apis", "/apis/"]
    for group in discovery.groups(served):
        if group:
            found += [f"/apis/{group}", *(f"/apis/{group}/{version}" for version in discovery.versions(group, served))]
    found += ["/healthz", "/livez", "/metrics", "/openapi/v2", "/openapi/v3", "/readyz", "/version"]
    return {"paths": sorted(found)}

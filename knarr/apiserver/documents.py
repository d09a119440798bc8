"""Serve the documents that describe the API: discovery and OpenAPI. Each is made on first use and kept as bytes.

They depend on nothing but this version's kinds and field table, so their ETags are known without making them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from hashlib import sha512
from pkgutil import get_data
from typing import Any

import orjson

from knarr.api import discovery, openapi
from knarr.api.errors import NotAcceptable
from knarr.api.http import Answer, Call
from knarr.api.kinds import KINDS
from knarr.apiserver import encode, swagger
from knarr.apiserver.negotiate import JSON, NoRepresentation, accepted, ranked
from knarr.apiserver.settings import Settings

V2_FORMS = frozenset({"application/json", "*/*", "application/*", ""})
GROUP_LIST = "APIGroupDiscoveryList"
Make = Callable[[], Any]


class Documents:
    """The documents of one server."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._kept: dict[str, bytes] = {}
        self._seed = sha512(repr(KINDS).encode() + (get_data("knarr.api", "schema_table.json") or b"")).hexdigest()

    def answer(self, call: Call) -> Answer | None:
        """Answer if the path is a document's; else None."""
        path = call.path.rstrip("/") or "/"
        if path in ("/api", "/apis"):
            return self._discovery(call, path)
        if path == "/openapi/v2":
            return self._openapi_v2(call)
        if path == "/openapi/v3":
            return self._document(call, path, self._index)
        if path.startswith("/openapi/v3/"):
            name = path.removeprefix("/openapi/v3/")
            version = self.settings.git_version
            return self._document(call, path, lambda: openapi.v3(name, version=version))
        if path == "/":
            return self._document(call, path, paths)
        if path.startswith(("/api/", "/apis/")):
            return self._document(call, path, lambda: _list_of(path))
        return None

    def _index(self) -> Any:
        return openapi.index({name: self._etag(name) for name in openapi.names()})

    def _discovery(self, call: Call, path: str) -> Answer | None:
        core = path == "/api"
        for media, parameters in ranked(call.headers.get("accept", "")):
            if media != JSON or parameters.get("as") != GROUP_LIST or parameters.get("g") != "apidiscovery.k8s.io":
                continue
            version = parameters.get("v", "")
            if version in discovery.AGGREGATED_VERSIONS:
                kept = f"{path}?{version}"
                answer = self._document(call, kept, partial(discovery.aggregated, core=core, version=version))
                assert answer is not None
                answer.content_type = f"{JSON};g=apidiscovery.k8s.io;v={version};as={GROUP_LIST}"
                answer.headers = {**answer.headers, "Vary": "Accept"}
                return answer
        address = f"{self.settings.advertise_address}:{self.settings.port}"
        return self._document(call, path, lambda: discovery.api_versions(address) if core else discovery.group_list())

    def _openapi_v2(self, call: Call) -> Answer | None:
        asked = [media for media, _ in ranked(call.headers.get("accept", "") or "*/*")]
        if not any(media in V2_FORMS for media in asked):
            if any(swagger.MEDIA_MARK in media for media in asked):
                return Answer(200, swagger.document(self.settings.git_version), swagger.MEDIA)
            raise NoRepresentation()
        return self._document(call, "/openapi/v2", lambda: openapi.v2(version=self.settings.git_version), plain=True)

    def _document(self, call: Call, key: str, make: Make, *, plain: bool = False) -> Answer | None:
        etag = f'"{self._etag(key)}"'
        body = self._kept.get(key)
        if body is None:
            made = make()
            if made is None:
                return None
            body = self._kept[key] = orjson.dumps(made)
        if call.headers.get("if-none-match", "") == etag:
            return Answer(304, headers={"ETag": etag})
        answer = Answer(200, body) if plain else encode.answer(200, body, self._form(call))
        answer.headers = {"ETag": etag}
        return answer

    def _form(self, call: Call) -> Any:
        try:
            return accepted(call.headers.get("accept", ""))
        except NotAcceptable:
            return accepted("")  # documents are JSON, whatever old clients list first

    def _etag(self, name: str) -> str:
        return sha512(f"{self._seed}/{self.settings.git_version}/{name}".encode()).hexdigest().upper()


def paths() -> dict[str, list[str]]:
    """Return what is served at `/`."""
    found = ["/api", "/api/v1", "/apis", "/apis/"]
    for group in discovery.groups():
        if group:
            found += [f"/apis/{group}", *(f"/apis/{group}/{version}" for version in discovery.versions(group))]
    found += ["/healthz", "/livez", "/metrics", "/openapi/v2", "/openapi/v3", "/readyz", "/version"]
    return {"paths": sorted(found)}


def _list_of(path: str) -> Any:
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) == 2:
        return discovery.resource_list("", parts[1])
    if parts[0] == "apis" and len(parts) == 2:
        return discovery.group(parts[1])
    if parts[0] == "apis" and len(parts) == 3:
        return discovery.resource_list(parts[1], parts[2])
    return None

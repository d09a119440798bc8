"""Speak the API's verbs in typed, read-only objects.

Every refusal is raised as the `ApiError` it is; a missing answer is an `OSError`. The first argument of a verb says
what is meant: a struct (`Pod`), or a row of the kind registry, whose objects then come as `Partial` (metadata alone).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import msgspec
import orjson

from knarr.api import errors, kinds
from knarr.api.http import Answer, Broken, Call
from knarr.api.kinds import Kind
from knarr.api.types.meta_v1 import ListMeta, ObjectMeta
from knarr.client.reach import Reach
from knarr.client.stream import WatchEvent, watch_batches
from knarr.client.transport import Transport, Unreachable

T = TypeVar("T")

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
JSON = "application/json"

ANSWER_BYTES_MAX = 64 << 20   # of an answer that comes in pieces
PAGE_OBJECTS = 2_000   # objects per list call; a page of pods is then about 10 MB


class Partial(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An object of any kind, of which only the metadata was read."""

    apiVersion: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()


class ListOf(msgspec.Struct, Generic[T], frozen=True, gc=False):
    """One page of a list."""

    metadata: ListMeta = ListMeta()
    items: tuple[T, ...] = ()


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """All objects of a list, as they stood at one resourceVersion."""

    items: tuple[T, ...]
    resource_version: str


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects of a kind are meant; empty fields select all."""

    namespace: str = ""
    labels: str = ""
    fields: str = ""

    def query(self) -> dict[str, str]:
        """Return the query parameters that say so."""
        asked = {"labelSelector": self.labels, "fieldSelector": self.fields}
        return {key: value for key, value in asked.items() if value}


EVERYTHING = Selection()


class Client:
    """Typed verbs over one transport. reach: what all users of this client know of the server's silence."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.reach = Reach()

    async def get(self, of: type[T], namespace: str, name: str) -> T:
        """Read one object; NotFound when there is none."""
        return _decode(of, await self.call("GET", path(row_of(of), namespace, name)))

    async def list(self, of: type[T], selection: Selection = EVERYTHING, *, kind: Kind | None = None) -> Listing[T]:
        """Read all objects, page by page, as of one resourceVersion."""
        row = kind or row_of(of)
        items: list[T] = []
        query = {**selection.query(), "limit": str(PAGE_OBJECTS)}
        while True:
            body = await self.call("GET", path(row, selection.namespace), query=query)
            page: ListOf[T] = _list_decoder(of).decode(body)
            items.extend(page.items)
            if not page.metadata.continue_:
                return Listing(tuple(items), page.metadata.resourceVersion or "0")
            query["continue"] = page.metadata.continue_

    async def watch(
        self, of: type[T], selection: Selection = EVERYTHING, *,
        since: str, kind: Kind | None = None, timeout_s: int = 0,
    ) -> AsyncIterator[tuple[WatchEvent[T], ...]]:
        """Yield what changes after `since`, in batches as they arrive. Raises Expired when `since` is too old."""
        query = {**selection.query(), "watch": "1", "resourceVersion": since, "allowWatchBookmarks": "true"}
        if timeout_s:
            query["timeoutSeconds"] = str(timeout_s)
        answer = await self._send(Call("GET", path(kind or row_of(of), selection.namespace), query))
        assert answer.stream is not None, "a watch was answered without a stream"
        async for batch in watch_batches(of, answer.stream):
            yield batch

    async def create(self, obj: T) -> T:
        """Store a new object; AlreadyExists when its name is taken."""
        meta = metadata(obj)
        body = await self.call("POST", path(row_of(type(obj)), meta.namespace or ""), body=encode(obj))
        return _decode(type(obj), body)

    async def update(self, obj: T, *, subresource: str = "") -> T:
        """Replace an object; Conflict when its resourceVersion is not the stored one."""
        meta = metadata(obj)
        where = path(row_of(type(obj)), meta.namespace or "", meta.name or "", subresource=subresource)
        return _decode(type(obj), await self.call("PUT", where, body=encode(obj)))

    async def update_status(self, obj: T) -> T:
        """Replace an object's status alone."""
        return await self.update(obj, subresource="status")

    async def patch(
        self, of: type[T] | Kind, namespace: str, name: str, *,
        patch: Any, content_type: str = MERGE, subresource: str = "",
    ) -> T:
        """Change part of an object. patch: plain JSON values, in the form that content_type names."""
        where = path(row_of(of), namespace, name, subresource=subresource)
        body = await self.call("PATCH", where, body=orjson.dumps(patch), content_type=content_type)
        return _decode(_struct(of), body)

    async def delete(
        self, of: type[T] | Kind, namespace: str, name: str, *, uid: str | None = None, options: Mapping[str, Any] = {},
    ) -> None:
        """Delete one object. uid: Conflict unless it is this very one. options: fields of `meta/v1.DeleteOptions`."""
        sent: dict[str, Any] = {"kind": "DeleteOptions", "apiVersion": "v1", **options}
        if uid is not None:
            sent["preconditions"] = {**sent.get("preconditions", {}), "uid": uid}
        await self.call("DELETE", path(row_of(of), namespace, name), body=orjson.dumps(sent))

    async def post(self, of: type[T] | Kind, namespace: str, name: str, *, subresource: str, obj: Any) -> bytes:
        """Create on a subresource (binding, eviction, token) and return the answer's JSON."""
        where = path(row_of(of), namespace, name, subresource=subresource)
        return await self.call("POST", where, body=encode(obj))

    async def call(
        self, method: str, where: str, *, query: Mapping[str, str] = {}, body: bytes = b"", content_type: str = JSON,
    ) -> bytes:
        """Send any request and return the answer's body; refusals are raised."""
        headers = {"content-type": content_type, "accept": JSON} if body else {"accept": JSON}
        answer = await self._send(Call(method, where, query, headers, body))
        return answer.body if answer.stream is None else await whole(answer.stream)

    async def _send(self, call: Call) -> Answer:
        try:
            answer = await self.transport.request(call)
        except OSError:
            self.reach.lost()
            raise
        if answer.status < 500:
            self.reach.answered()
        if answer.status >= 400:
            raise await refusal(answer)
        return answer


async def whole(chunks: AsyncIterator[bytes]) -> bytes:
    """Join an answer that comes in pieces, as extension servers' do. OSError where it breaks off or never ends."""
    read = bytearray()
    try:
        async for chunk in chunks:
            read += chunk
            if len(read) > ANSWER_BYTES_MAX:
                raise Unreachable(f"the answer is longer than {ANSWER_BYTES_MAX} bytes")
    except Broken as fault:
        raise Unreachable(f"the answer broke off: {fault}") from fault
    return bytes(read)


async def refusal(answer: Answer) -> errors.ApiError:
    """Turn an answer of 400 and above into the error it tells of; the text itself where it is no Status."""
    body = answer.body or b"".join([chunk async for chunk in answer.stream] if answer.stream else ())
    try:
        status = orjson.loads(body)
    except orjson.JSONDecodeError:
        status = {"message": body.decode(errors="replace").strip()[:1024] or f"HTTP {answer.status}"}
    return errors.from_status(answer.status, status if isinstance(status, dict) else {})


def path(kind: Kind, namespace: str, name: str = "", *, subresource: str = "") -> str:
    """Return where an object, or a list of them, is served; an empty namespace means all."""
    return kind.path(namespace if kind.namespaced else "", name, subresource)


def metadata(obj: Any) -> ObjectMeta:
    """Return an object's metadata, whatever its kind."""
    return cast("ObjectMeta", obj.metadata)


def encode(obj: Any) -> bytes:
    """Return an object as the JSON that is sent."""
    return msgspec.json.encode(obj)


def row_of(of: Any) -> Kind:
    """Return the registry's row of a struct type; a row stands for itself."""
    return of if isinstance(of, Kind) else kinds.of(of)


def _struct(of: type[T] | Kind) -> type[T]:
    return cast("type[T]", Partial) if isinstance(of, Kind) else of


def _decode(of: type[T], body: bytes) -> T:
    return cast("T", _decoder(of).decode(body))


def _decoder(of: Any) -> msgspec.json.Decoder[Any]:
    return _kept(of, of)


def _list_decoder(of: Any) -> msgspec.json.Decoder[Any]:
    return _kept((of, "list"), ListOf[of])


def _kept(key: Any, shape: Any) -> msgspec.json.Decoder[Any]:
    # Bounded by the kinds there are; making a decoder costs more than using it.
    decoder = _DECODERS.get(key)
    if decoder is None:
        decoder = _DECODERS[key] = msgspec.json.Decoder(shape)
    return decoder


_DECODERS: dict[Any, msgspec.json.Decoder[Any]] = {}

"""Cut a watch's bytes into events, each decoded once, straight from its line."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Any, Generic, TypeVar

import msgspec
import orjson

from knarr.api import errors

T = TypeVar("T")

LINE_BYTES_MAX = 16 << 20   # far above the largest object a server stores


class WatchEvent(msgspec.Struct, Generic[T], frozen=True, gc=False):
    """One change. type: ADDED, MODIFIED, DELETED or BOOKMARK (whose object holds a resourceVersion alone)."""

    type: str
    object: T


async def watch_batches(of: type[T], stream: AsyncIterator[bytes]) -> AsyncIterator[tuple[WatchEvent[T], ...]]:
    """Yield the events of each chunk that holds whole ones. An ERROR event is raised as the ApiError it tells of."""
    decoder = _event_decoder(of)
    rest = b""
    try:
        async for chunk in stream:
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > LINE_BYTES_MAX:
                raise errors.Internal(f"watch event of more than {LINE_BYTES_MAX} bytes")
            batch = tuple(_events(decoder, lines))
            if batch:
                yield batch
    finally:
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()


def _events(decoder: msgspec.json.Decoder[Any], lines: list[bytes]) -> Iterator[Any]:
    for line in lines:
        if line.startswith(b'{"type":"ERROR"'):
            raise _error(line)
        if line:
            yield _event(decoder, line)


def _event(decoder: msgspec.json.Decoder[Any], line: bytes) -> Any:
    try:
        event = decoder.decode(line)
    except msgspec.ValidationError:
        if orjson.loads(line).get("type") != "ERROR":   # a Status fits no other kind's struct
            raise
        raise _error(line) from None
    if event.type == "ERROR":
        raise _error(line)
    return event


def _error(line: bytes) -> errors.ApiError:
    status = orjson.loads(line)["object"]
    return errors.from_status(status.get("code", 500), status)


def _event_decoder(of: Any) -> msgspec.json.Decoder[Any]:
    decoder = _DECODERS.get(of)
    if decoder is None:
        decoder = _DECODERS[of] = msgspec.json.Decoder(WatchEvent[of])
    return decoder


_DECODERS: dict[Any, msgspec.json.Decoder[Any]] = {}     # bounded by the kinds there are

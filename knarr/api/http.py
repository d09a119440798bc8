"""Say what a request and its answer are, without knowing any server.

The HTTPS edge, the in-process transport and the tests all speak in these three words, so nothing behind them can tell
which of the three is calling.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Query: TypeAlias = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class User:
    """Who is asking. Source: kube authentication/user/user.go."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(slots=True)
class Call:
    """One request.

    path: decoded, without the query. query: the last value of each key. headers: lower-case names.
    user: set only by transports that vouch for the caller (in-process); the HTTPS edge leaves it None.
    peer_certificate: DER bytes of a client certificate that the TLS layer has verified.
    upgrade: the connection itself (`apiserver.connection` defines it) where the client offers to leave HTTP.
    raw_query: the query as it was sent. remote: the client's address, empty within the process.
    upload: a body too long to be read whole, in pieces; then `body` is empty. Only proxied requests have one.
    ticket: seats of flow control that the handler gives back itself (`apiserver.gate`); only watches have one.
    asker: who sent it, where he acts as somebody else.
    notes: the annotations of the request's audit event; None where it is not audited.
    unread: why the body could not be read, for the handler to raise once the caller is known and may.
    bug: whether answering it met a bug, for the audit.
    """

    method: str
    path: str
    query: Query = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    user: User | None = None
    peer_certificate: bytes | None = None
    upgrade: Any = None
    raw_query: str = ""
    remote: str = ""
    upload: AsyncIterator[bytes] | None = None
    ticket: Any = None
    notes: dict[str, str] | None = None
    asker: User | None = None
    unread: Exception | None = None
    bug: bool = False


class Broken(Exception):
    """A stream's source broke off: the client must see an answer that is cut, not one that ends."""


@dataclass(slots=True)
class Answer:
    """One response: either `body`, or `stream` (chunks, each sent as it comes; it may raise Broken).

    content_type: empty where the answer has none. patient: its reader may pause for as long as it likes (a log in a
    pager); who takes nothing of other streams is cut.
    """

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: AsyncIterator[bytes] | None = None
    patient: bool = False


Handler: TypeAlias = Callable[[Call], Awaitable[Answer]]

"""Decide which headers pass between a client and the server behind us. Pure.

What concerns one connection only ends here (RFC 9110 7.6.1); so do the client's credentials, which are meant for us,
and headers that would let it speak as a front proxy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

Pairs = list[tuple[str, str]]
HOP_BY_HOP: Final = frozenset({
    "connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer",
    "transfer-encoding", "upgrade",
})
OURS: Final = frozenset({"authorization", "expect", "host"})  # meant for this server
OUR_PREFIXES: Final = ("impersonate-", "x-remote-")
CORS: Final = "access-control-allow-"  # Source: kube util/proxy/upgradeaware.go, corsRemovingTransport
BEARER_PROTOCOL: Final = re.compile(r"base64url\.bearer\.authorization\.k8s\.io\.[^,]*,?\s*")


def outgoing(headers: Mapping[str, str], *, keep_upgrade: bool = False) -> Pairs:
    """Return what a client's request takes along. keep_upgrade: `Connection` and `Upgrade` too."""
    named = set() if keep_upgrade else {word.strip().lower() for word in headers.get("connection", "").split(",")}
    kept: Pairs = []
    for name, value in headers.items():
        low = name.lower()
        dropped = low in HOP_BY_HOP and not (keep_upgrade and low in ("connection", "upgrade"))
        if dropped or low in OURS or low in named or low.startswith(OUR_PREFIXES):
            continue
        if low == "sec-websocket-protocol":  # a browser's bearer token stands among the protocols
            value = BEARER_PROTOCOL.sub("", value).strip(", ")
        if value or low != "sec-websocket-protocol":
            kept.append((name, value))
    return kept


def forwarded_for(headers: Pairs, remote: str) -> Pairs:
    """Append the client's address to `X-Forwarded-For`. remote: empty where it is not known."""
    if not remote:
        return headers
    said = [value for name, value in headers if name.lower() == "x-forwarded-for"]
    rest = [(name, value) for name, value in headers if name.lower() != "x-forwarded-for"]
    return [*rest, ("X-Forwarded-For", ", ".join([*said, remote]))]


def incoming(headers: Iterable[tuple[str, str]], *, cors: bool = True) -> Pairs:
    """Return what an answer brings back, but for its content type. cors: may say which origins are let in."""
    pairs = list(headers)
    named = {word.strip().lower() for name, value in pairs if name.lower() == "connection" for word in value.split(",")}
    return [
        (name, value)
        for name, value in pairs
        if not ((low := name.lower()) in HOP_BY_HOP or low in named or low == "content-type")
        and (cors or not low.startswith(CORS))
    ]

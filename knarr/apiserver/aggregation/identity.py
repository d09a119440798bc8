"""Speak to extension servers as their front proxy: with our client certificate, and the caller's name in headers.

Source: kube client-go transport/round_trippers.go, SetAuthProxyHeaders.
"""

from __future__ import annotations

import ssl
from base64 import b64decode
from typing import Final

from knarr.api.http import User
from knarr.apiserver.proxying.headers import Pairs
from knarr.apiserver.settings import ProxyFiles

CONTEXTS_MAX: Final = 64  # bundles kept; a cluster has few extension servers
TOKEN: Final = frozenset(b"!#$&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


class BadBundle(Exception):
    """An APIService's caBundle holds no certificates."""


class Identity:
    """Our TLS as a front proxy."""

    def __init__(self, files: ProxyFiles | None) -> None:
        self._files = files
        self._kept: dict[tuple[str, bool], ssl.SSLContext] = {}

    def renew(self) -> None:
        """Read the certificate again on next use."""
        self._kept.clear()

    def tls(self, ca: str, *, unverified: bool) -> ssl.SSLContext:
        """Return how to verify a server, and what to show it. ca: base64 PEM, or empty. Raises BadBundle."""
        key = ca, unverified
        if key not in self._kept:
            if len(self._kept) >= CONTEXTS_MAX:
                self._kept.clear()
            self._kept[key] = self._made(ca, unverified)
        return self._kept[key]

    def _made(self, ca: str, unverified: bool) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cadata=b64decode(ca).decode() if ca else None)
        except (ssl.SSLError, ValueError) as fault:
            raise BadBundle(f"unable to load root certificates: {fault}") from fault
        if unverified:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if self._files is not None:
            context.load_cert_chain(self._files.certificate, self._files.key)
        return context


def user_headers(user: User) -> Pairs:
    """Return the headers that say for whom a request is."""
    named: Pairs = [("X-Remote-User", user.name)]
    if user.uid:
        named.append(("X-Remote-Uid", user.uid))
    named += [("X-Remote-Group", group) for group in user.groups]
    for key, values in user.extra.items():
        named += [(f"X-Remote-Extra-{escaped(key)}", value) for value in values]
    return [(name, "".join(mark for mark in value if mark.isprintable())) for name, value in named]


def escaped(key: str) -> str:
    """Write an extra's key as a header's name: bytes that no name may hold as %XX. Source: headerKeyEscape."""
    return "".join(chr(byte) if byte in TOKEN else f"%{byte:02X}" for byte in key.encode())

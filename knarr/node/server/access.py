"""Decide who may ask the node's port: callers are known by certificate or token, and roles say what they may.

The API server and administrators are let in by their certificates alone, so that the port works while the API does
not. All others are asked about there, and what it said is remembered for a while. The TLS layer has checked that a
certificate is from our CA; here its subject is read. Source: kube kubelet/server/auth.go.
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from knarr.base.clock import Clock
from knarr.node.server.refusal import Refusal

ADMINISTRATORS: Final = "system:masters"  # the API server's own certificate is of this group
AUTHENTICATED: Final = "system:authenticated"
BEARER: Final = "bearer "
KNOWN_S, ALLOWED_S, REFUSED_S = 120.0, 300.0, 30.0  # what is remembered. Source: kube kubelet/apis/config/v1beta1
REMEMBERED_MAX: Final = 1024
VERBS: Final = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
PARTS: Final = {  # the subresource of nodes that a path's first word asks for; `proxy` may everything of the second row
    "stats": ("stats",), "metrics": ("metrics",), "logs": ("log",),
    "pods": ("pods", "proxy"), "healthz": ("healthz", "proxy"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request wants, as roles name it. subresources: any one of them will do."""

    verb: str
    subresources: tuple[str, ...]


class Judge(Protocol):
    """Who knows callers and roles: the API. Both raise Refusal where it cannot be asked."""

    async def caller(self, token: str) -> Caller | None:
        """Return whom a token stands for; None for nobody."""

    async def may(self, caller: Caller, verb: str, subresource: str) -> bool:
        """Say whether a caller may do something to this node."""


@dataclass(frozen=True, slots=True)
class ServingTls:
    """Where the port's certificate and key are, and the CA that its callers' certificates must be from."""

    certificate_file: Path
    key_file: Path
    client_ca_file: Path

    def context(self) -> ssl.SSLContext:
        """Return the server's TLS: a client certificate is asked for, not demanded."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(self.client_ca_file)
        self.load(context)
        return context

    def load(self, context: ssl.SSLContext) -> None:
        """Read certificate and key, again after they were renewed: new connections get the new one."""
        context.load_cert_chain(self.certificate_file, self.key_file)


class Access:
    """The port's guard. judge: None where only certificates of the API server and of administrators count."""

    def __init__(self, judge: Judge | None, clock: Clock) -> None:
        self._judge, self._clock = judge, clock
        self._callers: dict[str, tuple[float, Caller]] = {}
        self._verdicts: dict[tuple[Caller, str, str], tuple[float, bool]] = {}

    async def check(self, certificate: Mapping[str, Any] | None, authorization: str, asked: Asked) -> None:
        """Pass a caller, or raise Refusal. certificate: as `SSLObject.getpeercert()` returns it."""
        caller = of_certificate(certificate) if certificate else await self._bearer(authorization)
        if certificate and ADMINISTRATORS in caller.groups:
            return
        for subresource in asked.subresources:
            if await self._may(caller, asked.verb, subresource):
                return
        what = f"verb={asked.verb}, resource=nodes, subresource(s)=[{' '.join(asked.subresources)}]"
        raise Refusal(403, f"Forbidden (user={caller.name}, {what})")

    async def _bearer(self, authorization: str) -> Caller:
        if self._judge is None or authorization[: len(BEARER)].lower() != BEARER:
            raise Refusal(401, "Unauthorized")
        token = authorization[len(BEARER) :].strip()
        key, now_s = hashlib.sha256(token.encode()).hexdigest(), self._clock.monotonic_s()
        known = self._callers.get(key)
        if known is not None and known[0] > now_s:
            return known[1]
        caller = await self._judge.caller(token)
        if caller is None:
            raise Refusal(401, "Unauthorized")
        if len(self._callers) >= REMEMBERED_MAX:
            self._callers.clear()
        self._callers[key] = now_s + KNOWN_S, caller
        return caller

    async def _may(self, caller: Caller, verb: str, subresource: str) -> bool:
        if self._judge is None:
            return False
        key, now_s = (caller, verb, subresource), self._clock.monotonic_s()
        known = self._verdicts.get(key)
        if known is not None and known[0] > now_s:
            return known[1]
        allowed = await self._judge.may(caller, verb, subresource)
        if len(self._verdicts) >= REMEMBERED_MAX:
            self._verdicts.clear()
        self._verdicts[key] = now_s + (ALLOWED_S if allowed else REFUSED_S), allowed
        return allowed


def of_certificate(certificate: Mapping[str, Any]) -> Caller:
    """Read a certificate's subject."""
    subject = [pair for names in certificate.get("subject", ()) for pair in names]
    name = next((value for key, value in subject if key == "commonName"), "")
    groups = tuple(value for key, value in subject if key == "organizationName")
    return Caller(name, groups=(*groups, AUTHENTICATED))


def asked(method: str, path: str, *, upgrade: bool) -> Asked:
    """Return what a request wants. Who joins a container by an upgraded GET does more than read."""
    verb = "create" if upgrade else VERBS.get(method, "")
    return Asked(verb, PARTS.get(path.strip("/").partition("/")[0], ("proxy",)))

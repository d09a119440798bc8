"""Find the user in a client certificate, and the user of whom a front proxy speaks.

TLS has verified the chain; here is told by which CA, because a front proxy's CA vouches for proxies and for nobody
else. A certificate is looked at once and remembered; whether it has expired meanwhile is asked every time.
Source: kube authentication/request/x509/x509.go, headerrequest/requestheader.go.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from knarr.api.errors import Unauthorized
from knarr.api.http import Call, User
from knarr.apiserver.authn.doors import AUTHENTICATED, CREDENTIAL_ID, FrontProxy
from knarr.base.clock import Clock

SEEN_MAX = 4096  # certificates remembered, count
UID = x509.ObjectIdentifier("1.3.6.1.4.1.57683.2")  # Source: kube x509.go, asn1UIDOID
REMOTE_USER, REMOTE_UID, REMOTE_GROUP = "x-remote-user", "x-remote-uid", "x-remote-group"
REMOTE_EXTRA = "x-remote-extra-"


@dataclass(frozen=True, slots=True)
class Holder:
    """What a certificate says. proxy: it is a front proxy's. Times are seconds since 1970."""

    user: User | None
    proxy: bool
    not_before_s: float
    not_after_s: float


class Certificates:
    """The door for client certificates and front proxies. front: None where nobody may speak for others."""

    def __init__(self, clock: Clock, front: FrontProxy | None = None) -> None:
        self._clock, self._front = clock, front
        self._front_ca = x509.load_pem_x509_certificates(front.ca_pem) if front else []
        self._seen: OrderedDict[bytes, Holder] = OrderedDict()

    def user(self, call: Call) -> User | None:
        """Return the caller; None where the certificate says nothing of one. Raises Unauthorized when it is too old."""
        if not call.peer_certificate:
            return None
        holder = self._holder(call.peer_certificate)
        if not holder.not_before_s <= self._clock.now_s() <= holder.not_after_s:
            raise Unauthorized("Unauthorized")
        if not holder.proxy:
            return holder.user
        allowed = self._front is not None and holder.user is not None
        if not allowed or (
            self._front and self._front.names and holder.user and holder.user.name not in self._front.names
        ):
            raise Unauthorized("Unauthorized")
        return spoken_of(call.headers)

    def is_proxys(self, call: Call) -> bool:
        """Tell whether a request comes with a front proxy's certificate."""
        return bool(call.peer_certificate) and self._holder(call.peer_certificate or b"").proxy

    def _holder(self, der: bytes) -> Holder:
        known = self._seen.get(der)
        if known is None:
            known = self._seen[der] = self._read(der)
            if len(self._seen) > SEEN_MAX:
                self._seen.popitem(last=False)
        return known

    def _read(self, der: bytes) -> Holder:
        try:
            certificate = x509.load_der_x509_certificate(der)
            user = user_of(certificate)
        except ValueError as fault:  # OpenSSL, which has verified it, is more lenient than `cryptography`
            raise Unauthorized("Unauthorized") from fault
        proxy = any(issued_by(certificate, ca) for ca in self._front_ca)
        begin, end = certificate.not_valid_before_utc.timestamp(), certificate.not_valid_after_utc.timestamp()
        return Holder(user, proxy, begin, end)


def issued_by(certificate: x509.Certificate, ca: x509.Certificate) -> bool:
    """Tell whether a CA itself signed a certificate."""
    try:
        certificate.verify_directly_issued_by(ca)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def user_of(certificate: x509.Certificate) -> User | None:
    """Return the subject as a user; None for one without a common name."""
    subject = certificate.subject
    names = [str(one.value) for one in subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if not names or not names[-1]:
        return None
    groups = [str(one.value) for one in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    uids = [str(one.value) for one in subject.get_attributes_for_oid(UID)]
    digest = hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()
    if AUTHENTICATED not in groups:
        groups.append(AUTHENTICATED)
    return User(names[-1], uids[0] if uids else "", tuple(groups), {CREDENTIAL_ID: (f"X509SHA256={digest}",)})


def spoken_of(headers: Mapping[str, str]) -> User | None:
    """Return the user that a trusted proxy's headers name; None where they name none."""
    name = headers.get(REMOTE_USER, "")
    if not name:
        return None
    extra: dict[str, tuple[str, ...]] = {}
    for header in dict.fromkeys(key.lower() for key in headers):
        if header.startswith(REMOTE_EXTRA):
            extra[unquote(header[len(REMOTE_EXTRA) :])] = tuple(every(headers, header))
    groups = every(headers, REMOTE_GROUP)
    if AUTHENTICATED not in groups:
        groups.append(AUTHENTICATED)
    return User(name, headers.get(REMOTE_UID, ""), tuple(groups), extra)


def every(headers: Mapping[str, str], name: str) -> list[str]:
    """Return all values of a header that may stand several times."""
    several: Any = getattr(headers, "getall", None)
    if several is not None:
        return [str(value) for value in several(name, [])]
    return [headers[name]] if name in headers else []

"""Say who may do what: the seam that `authn` and `authz` fill, and the words of a refusal.

Until they are plugged in, `MastersByCertificate` and `MastersOnly` let in nobody but the holders of an
administrator's certificate.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from cryptography import x509
from cryptography.x509.oid import NameOID

from knarr.api.errors import Forbidden
from knarr.api.http import Call, User

MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"


STRANGER = User("system:anonymous", groups=("system:unauthenticated",))  # the one object: who showed nothing


@dataclass(frozen=True, slots=True)
class Attributes:
    """What one request wants to do. Source: kube authorization/authorizer/interfaces.go.

    resource empty: a path that is no resource, such as /version. fields, labels: what a list or watch is narrowed to,
    as it was written.
    """

    user: User
    verb: str
    path: str = ""
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    fields: str = ""
    labels: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """Yes or no, and why; the reason ends the refusal's text."""

    allowed: bool
    reason: str = ""


class Authenticator(Protocol):
    """Find out who calls."""

    async def authenticate(self, call: Call) -> User | None:
        """Return the caller; None if the call carries no credentials; raise Unauthorized if they are bad."""


class Authorizer(Protocol):
    """Decide whether a caller may."""

    def authorize(self, attributes: Attributes) -> Decision:
        """Answer from memory: this runs on every request."""


class MastersByCertificate:
    """Knows nobody but the holders of verified client certificates: common name and organisations."""

    async def authenticate(self, call: Call) -> User | None:
        """Return the certificate's subject."""
        return certificate_user(call.peer_certificate) if call.peer_certificate else None


class MastersOnly:
    """Lets system:masters do everything and others nothing."""

    def authorize(self, attributes: Attributes) -> Decision:
        """Look at the groups only."""
        return Decision(MASTERS in attributes.user.groups)


@lru_cache(maxsize=1024)
def certificate_user(der: bytes) -> User:
    """Read the user out of a certificate that TLS has verified.

    Source: kube request/x509/x509.go, CommonNameUserConversion.
    """
    subject = x509.load_der_x509_certificate(der).subject
    names = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    groups = subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    name = str(names[0].value) if names else ""
    return User(name, groups=(*(str(group.value) for group in groups), AUTHENTICATED))


def forbidden(attributes: Attributes, reason: str = "") -> Forbidden:
    """Word the 403. Source: kube endpoints/handlers/responsewriters/errors.go, Forbidden."""
    tail = f": {reason}" if reason else ""
    who = f'User "{attributes.user.name}" cannot {attributes.verb}'
    if not attributes.resource:
        return Forbidden(f'forbidden: {who} path "{attributes.path}"{tail}')
    resource = f"{attributes.resource}/{attributes.subresource}" if attributes.subresource else attributes.resource
    where = f'in the namespace "{attributes.namespace}"' if attributes.namespace else "at the cluster scope"
    qualified = f"{attributes.resource}.{attributes.group}" if attributes.group else attributes.resource
    subject = f'{qualified} "{attributes.name}"' if attributes.name else qualified
    message = f'{subject} is forbidden: {who} resource "{resource}" in API group "{attributes.group}" {where}{tail}'
    details = {"name": attributes.name, "group": attributes.group, "kind": attributes.resource}
    return Forbidden(message, {key: value for key, value in details.items() if value})

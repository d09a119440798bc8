"""Say what every way of proving who one is has in common: what it finds, how it refuses, and what it is told.

A door looks at one sort of credential. It answers None for what is not of its sort, so that the next one is asked, and
refuses what is of its sort but not good. Source: kube authentication/request/union, authentication/token/union.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from knarr.api.http import User

AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"
ANONYMOUS = "system:anonymous"
ACCOUNT = "system:serviceaccount:"
ACCOUNTS = "system:serviceaccounts"
CREDENTIAL_ID = "authentication.kubernetes.io/credential-id"


class BadToken(Exception):
    """A token that is of a door's sort and not good; says why, which only a TokenReview shows."""


@dataclass(frozen=True, slots=True)
class Verified:
    """Whom a token stands for. audiences: those of the asked that it was issued for. notes: for the audit."""

    user: User
    audiences: tuple[str, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()


class TokenDoor(Protocol):
    """A verifier of one sort of bearer tokens."""

    async def verify(self, token: str, audiences: tuple[str, ...]) -> Verified | None:
        """Return whom it stands for; None for a token of another sort. Raises BadToken."""


@dataclass(frozen=True, slots=True)
class Anonymous:
    """Who may come without credentials. paths: only there; empty: anywhere. Source: kube apiserver.config.k8s.io."""

    enabled: bool = True
    paths: tuple[str, ...] = ()

    def admits(self, path: str) -> bool:
        """Tell whether a stranger may ask for a path; what the stranger may do there is the authorizer's matter."""
        return self.enabled and (not self.paths or path in self.paths)


@dataclass(frozen=True, slots=True)
class FrontProxy:
    """Whose word about the caller counts: a proxy with a certificate of this CA and one of these names.

    names empty: any name. Source: kube authentication/request/headerrequest.
    """

    ca_pem: bytes
    names: tuple[str, ...] = ("front-proxy-client",)


def authenticated(user: User) -> User:
    """Return a user with the group of all who proved who they are."""
    if AUTHENTICATED in user.groups or UNAUTHENTICATED in user.groups:
        return user
    return User(user.name, user.uid, (*user.groups, AUTHENTICATED), user.extra)

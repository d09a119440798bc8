"""Find the caller of a request: certificate first, then token; then the one whom the caller asks to be.

Source: kube authentication/request/union, endpoints/filters/impersonation.go.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote

from knarr.api.errors import BadRequest, Unauthorized
from knarr.api.http import Call, User
from knarr.apiserver.authn.tokens import Tokens
from knarr.apiserver.security import AUTHENTICATED, Attributes, Authorizer, certificate_user, forbidden

BEARER = "bearer "
ANONYMOUS = "system:anonymous"
UNAUTHENTICATED = "system:unauthenticated"
ACCOUNT = "system:serviceaccount:"
EXTRA_HEADER = "impersonate-extra-"


class Callers:
    """The authenticator a server is given. authorizer: decides who may impersonate whom."""

    def __init__(self, tokens: Tokens, authorizer: Callable[[], Authorizer]) -> None:
        self._tokens, self._authorizer = tokens, authorizer

    async def authenticate(self, call: Call) -> User | None:
        """Return the caller; None without credentials. Raises Unauthorized for bad ones, Forbidden, BadRequest."""
        user = self._caller(call)
        if user is None:
            return None
        wanted = impersonated(call)
        if wanted is None:
            return user
        for attributes in demands(user, wanted):
            decision = self._authorizer().authorize(attributes)
            if not decision.allowed:
                raise forbidden(attributes, decision.reason)
        return completed(wanted)

    def _caller(self, call: Call) -> User | None:
        if call.peer_certificate:
            return certificate_user(call.peer_certificate)
        header = call.headers.get("authorization", "")
        if not header:
            return None
        if header[: len(BEARER)].lower() != BEARER:
            raise Unauthorized("Unauthorized")
        return self._tokens.verify(header[len(BEARER):].strip())


def impersonated(call: Call) -> User | None:
    """Read whom the headers ask to be; None where they ask nothing."""
    if not any(name.lower().startswith("impersonate-") for name in call.headers):
        return None
    name = call.headers.get("impersonate-user", "")
    groups = tuple(_all(call, "impersonate-group"))
    extra: dict[str, tuple[str, ...]] = {}
    for header in dict.fromkeys(key.lower() for key in call.headers):
        if header.startswith(EXTRA_HEADER):
            extra[unquote(header[len(EXTRA_HEADER):])] = tuple(_all(call, header))
    if not name:
        raise BadRequest(f"requested groups {list(groups)} and extra {extra} without impersonating a user name")
    return User(name, call.headers.get("impersonate-uid", ""), groups, extra)


def _all(call: Call, name: str) -> list[str]:
    several = getattr(call.headers, "getall", None)
    if several is not None:
        return [str(value) for value in several(name, [])]
    return [call.headers[name]] if name in call.headers else []


def demands(user: User, wanted: User) -> list[Attributes]:
    """Return what a caller must be allowed in order to be someone else."""
    if wanted.name.startswith(ACCOUNT):
        namespace, _, account = wanted.name.removeprefix(ACCOUNT).partition(":")
        found = [Attributes(user, "impersonate", "", "", "v1", "serviceaccounts", "", namespace, account)]
    else:
        found = [Attributes(user, "impersonate", "", "", "v1", "users", "", "", wanted.name)]
    found += [Attributes(user, "impersonate", "", "", "v1", "groups", "", "", group) for group in wanted.groups]
    kind = ("authentication.k8s.io", "v1")
    if wanted.uid:
        found.append(Attributes(user, "impersonate", "", *kind, "uids", "", "", wanted.uid))
    for key, values in wanted.extra.items():
        found += [Attributes(user, "impersonate", "", *kind, "userextras", key, "", value) for value in values]
    return found


def completed(wanted: User) -> User:
    """Add the groups that the server itself gives."""
    groups = list(wanted.groups)
    if wanted.name.startswith(ACCOUNT) and not groups:
        namespace = wanted.name.removeprefix(ACCOUNT).partition(":")[0]
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}"]
    last = UNAUTHENTICATED if wanted.name == ANONYMOUS else AUTHENTICATED
    if last not in groups:
        groups.append(last)
    return User(wanted.name, wanted.uid, tuple(groups), wanted.extra)

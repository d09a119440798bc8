"""Let a caller act as somebody else, where the roles allow it.

Source: kube endpoints/filters/impersonation.
"""

from __future__ import annotations

from urllib.parse import unquote

from knarr.api.errors import BadRequest
from knarr.api.http import Call, User
from knarr.apiserver.authn.certificates import every
from knarr.apiserver.authn.doors import ACCOUNT, ACCOUNTS, ANONYMOUS, AUTHENTICATED, UNAUTHENTICATED
from knarr.apiserver.security import Attributes

PREFIX = "impersonate-"
EXTRA_HEADER = "impersonate-extra-"
KIND = ("authentication.k8s.io", "v1")


def impersonated(call: Call) -> User | None:
    """Read whom the headers ask to be; None where they ask nothing. BadRequest for groups without a name."""
    names = [name for name in call.headers if name[:12].lower() == PREFIX]
    if not names:
        return None
    name, uid = call.headers.get("impersonate-user", ""), call.headers.get("impersonate-uid", "")
    groups = tuple(every(call.headers, "impersonate-group"))
    extra: dict[str, tuple[str, ...]] = {}
    for header in dict.fromkeys(one.lower() for one in names):
        if header.startswith(EXTRA_HEADER):
            extra[unquote(header[len(EXTRA_HEADER) :])] = tuple(every(call.headers, header))
    if name:
        return User(name, uid, groups, extra)
    if uid or groups or extra:
        shown = go_user(uid, groups, extra)
        raise BadRequest(f"requested {shown} without impersonating a user name")
    return None


def go_user(uid: str, groups: tuple[str, ...], extra: dict[str, tuple[str, ...]]) -> str:
    """Word a nameless user as the recorded refusal does."""

    def listed(values: tuple[str, ...]) -> str:
        return "[]string{" + ", ".join(f'"{value}"' for value in values) + "}" if values else "[]string(nil)"

    pairs = ", ".join(f'"{key}":{listed(values)}' for key, values in sorted(extra.items()))
    shown = f"map[string][]string{{{pairs}}}" if extra else "map[string][]string(nil)"
    return f'&user.DefaultInfo{{Name:"", UID:"{uid}", Groups:{listed(groups)}, Extra:{shown}}}'


def demands(user: User, wanted: User) -> list[Attributes]:
    """Return what a caller must be allowed in order to be someone else."""
    account = account_of(wanted.name)
    if account is not None:
        found = [Attributes(user, "impersonate", "", "", "v1", "serviceaccounts", "", account[0], account[1])]
    else:
        found = [Attributes(user, "impersonate", "", "", "v1", "users", "", "", wanted.name)]
    found += [Attributes(user, "impersonate", "", "", "v1", "groups", "", "", group) for group in wanted.groups]
    for key, values in wanted.extra.items():
        found += [Attributes(user, "impersonate", "", *KIND, "userextras", key, "", value) for value in values]
    if wanted.uid:
        found.append(Attributes(user, "impersonate", "", *KIND, "uids", "", "", wanted.uid))
    return found


def completed(wanted: User) -> User:
    """Add the groups that the server itself gives."""
    groups = list(wanted.groups)
    account = account_of(wanted.name)
    if account is not None and not groups:
        groups = [ACCOUNTS, f"{ACCOUNTS}:{account[0]}"]
    if wanted.name == ANONYMOUS:
        if UNAUTHENTICATED not in groups:
            groups.append(UNAUTHENTICATED)
    elif AUTHENTICATED not in groups and UNAUTHENTICATED not in groups:
        groups.append(AUTHENTICATED)
    return User(wanted.name, wanted.uid, tuple(groups), wanted.extra)


def account_of(name: str) -> tuple[str, str] | None:
    """Return namespace and name of the service account a user name stands for; None for other users."""
    if not name.startswith(ACCOUNT):
        return None
    namespace, _, account = name.removeprefix(ACCOUNT).partition(":")
    return (namespace, account) if namespace and account and ":" not in account else None

"""Let a caller act as somebody else, where the roles allow it.

There are modes: a caller may be allowed to be a user, a service account or a node for some actions only (two rights:
who to be, and what to do as such), or, as of old, for everything. They are tried in this order; the refusal is that
of the first. Source: kube endpoints/filters/impersonation; KEP 5284.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from urllib.parse import unquote

from knarr.api.errors import BadRequest, Forbidden
from knarr.api.http import Call, User
from knarr.apiserver.authn.certificates import every
from knarr.apiserver.authn.doors import ACCOUNT, ACCOUNTS, ANONYMOUS, AUTHENTICATED, UNAUTHENTICATED
from knarr.apiserver.security import MASTERS, Attributes, Decision, forbidden

PREFIX = "impersonate-"
EXTRA_HEADER = "impersonate-extra-"
KIND = ("authentication.k8s.io", "v1")
NODE, NODES = "system:node:", "system:nodes"
NODE_NAME = "authentication.kubernetes.io/node-name"
Decide = Callable[[Attributes], Decision]


@dataclass(frozen=True, slots=True)
class Mode:
    """One way of being another. demands: the rights it needs, beginning with the right to act."""

    demands: tuple[Attributes, ...]
    becomes: User


def become(user: User, wanted: User, wish: Callable[[], Attributes], decide: Decide) -> User:
    """Return whom a caller acts as. wish: what the caller wants to do, as itself. Raises Forbidden."""
    first: Forbidden | None = None
    for mode in modes(user, wanted, wish):
        refused = next((one for one in mode.demands if not decide(one).allowed), None)
        if refused is None:
            return mode.becomes
        first = first or forbidden(refused, decide(refused).reason)
    assert first is not None, "the old mode applies to everybody"
    raise first


def modes(user: User, wanted: User, wish: Callable[[], Attributes]) -> Iterator[Mode]:
    """Yield the modes that apply, the narrowest first."""
    account, bare = account_of(wanted.name), not (wanted.uid or wanted.groups or wanted.extra)
    if wanted.name.startswith(NODE):
        node = wanted.name.removeprefix(NODE)
        here = account_of(user.name) is not None and user.extra.get(NODE_NAME) == (node,)
        agent = User(wanted.name, groups=(NODES, AUTHENTICATED))
        for name, whose in (("associated-node", "*"), ("arbitrary-node", node)) if bare else ():
            if here or name == "arbitrary-node":
                identity = Attributes(user, f"impersonate:{name}", "", *KIND, "nodes", "", "", whose)
                yield Mode((acting(wish(), name), identity), agent)
    elif account is not None and bare:
        identity = Attributes(user, "impersonate:serviceaccount", "", *KIND, "serviceaccounts", "", *account)
        yield Mode((acting(wish(), "serviceaccount"), identity), completed(wanted))
    elif account is None and MASTERS not in wanted.groups:
        whole = (replace(one, verb="impersonate:user-info", group=KIND[0]) for one in demands(user, wanted))
        yield Mode((acting(wish(), "user-info"), *whole), completed(wanted))
    yield Mode(tuple(demands(user, wanted)), completed(wanted))


def acting(wish: Attributes, mode: str) -> Attributes:
    """Return the right to do what is wished for as somebody else."""
    return replace(wish, verb=f"impersonate-on:{mode}:{wish.verb}")


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
    """Return what a caller must be allowed in order to be someone else for everything."""
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

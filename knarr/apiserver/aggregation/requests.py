"""Read what a request wants of kinds that only an extension server knows: enough to authorize it. Pure.

Source: kube apiserver endpoints/request/requestinfo.go.
"""

from __future__ import annotations

import re
from typing import Final

from knarr.api.http import Call, User
from knarr.apiserver.route import BY_METHOD, NAMESPACE_SUBRESOURCES, TRUE
from knarr.apiserver.security import Attributes

NAME_TERM: Final = re.compile(r"(?:^|,)metadata\.name==?([^,]+)")
SPECIAL: Final = ("watch", "proxy")


def attributes(call: Call, user: User) -> Attributes:
    """Return what to authorize: a resource's verb, or the path itself where it names no resource."""
    parts = [part for part in call.path.split("/") if part]
    group, version, rest = parts[1], parts[2], parts[3:]
    if not rest:
        return Attributes(user, call.method.lower(), call.path)
    verb = BY_METHOD.get(call.method, "")
    special = rest[0] if rest[0] in SPECIAL and len(rest) > 1 else ""
    if special:
        verb, rest = special, rest[1:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in NAMESPACE_SUBRESOURCES:
            rest = rest[2:]
    resource, name, sub = (*rest, "", "")[:3]
    if not name:
        name, verb = _collection(call, verb)
    return Attributes(user, verb, call.path, group, version, resource, sub, namespace, name)


def _collection(call: Call, verb: str) -> tuple[str, str]:
    """Return name and verb where the path names a collection; a selector may still name one object."""
    found = NAME_TERM.search(call.query.get("fieldSelector", ""))
    verb = {"get": "list", "delete": "deletecollection"}.get(verb, verb)
    if verb == "list" and call.query.get("watch") in TRUE:
        verb = "watch"
    return (found[1] if found and verb in ("list", "watch", "deletecollection") else ""), verb

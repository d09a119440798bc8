"""Let webhooks and policies look at requests that store no object of their kind: evictions, bindings, tokens, reviews,
and connections to pods and Services.

Source: kube endpoints/handlers/{create,rest}.go, ConnectResource.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qs

import orjson

from knarr.api import kinds
from knarr.api.http import Call
from knarr.api.kinds import Kind, Subresource
from knarr.apiserver import bodies
from knarr.apiserver.admission.words import Admission
from knarr.apiserver.core import Core, Request
from knarr.apiserver.route import CONNECTING, TRUE, Target

Obj = dict[str, Any]
FLAGS: Final = frozenset({"stdin", "stdout", "stderr", "tty"})
LISTS: Final = frozenset({"command", "ports"})


def admission_of(core: Core, request: Request) -> Admission | None:
    """Return what is to be judged; None for requests that store an object of their own kind, or none at all."""
    target = request.target
    below = target.kind.subresource(target.subresource) if target.subresource else None
    if below is not None and below.name in CONNECTING:
        return _admission(core, request, "connect", connection(target, below, request.call))
    if request.verb != "create" or not _is_answered(target, below):
        return None
    told = list(request.warnings)
    obj = bodies.read(request, target.kind if below is None else target.kind.body_of(below))
    request.warnings[:] = told  # the handler reads the body again
    return _admission(core, request, "create", obj)


def body_of(a: Admission) -> bytes:
    """Return the object as a body."""
    return orjson.dumps(a.obj)


def put(request: Request, a: Admission) -> None:
    """Let the handler read a changed object instead of what the client sent."""
    request.call.body = body_of(a)
    request.call.headers = {**request.call.headers, "content-type": "application/json"}


def _is_answered(target: Target, below: Subresource | None) -> bool:
    return not target.kind.stored if below is None else bool(below.kind) and below.name != "scale"


def _admission(core: Core, request: Request, operation: str, obj: Obj) -> Admission:
    target = request.target
    meta = obj.get("metadata") or {}
    place = (target.namespace, target.name or str(meta.get("name") or ""))
    below = target.kind.subresource(target.subresource) if target.subresource else None
    return Admission(
        core, request.user, target.kind, operation, obj, subresource=target.subresource, warnings=request.warnings,
        dry_run=request.dry_run, requested=target.kind, place=place, options=request.options,
        annotations=request.audit_annotations,
        spoken=target.kind if below is None else spoken_by(target, below),
    )


def spoken_by(target: Target, below: Subresource) -> Kind:
    """Return the kind of a subresource's bodies; the options of connections are no kind that is served."""
    found = kinds.by_kind(below.group or target.kind.group, below.version or target.kind.version, below.kind)
    return found or Kind(below.group or target.kind.group, below.version or target.kind.version, below.kind, "")


def connection(target: Target, below: Subresource, call: Call) -> Obj:
    """Return the options of a connection as an object, as its query says them."""
    kind = spoken_by(target, below)
    found: Obj = {"kind": kind.kind, "apiVersion": kind.api_version}
    if below.name == "proxy":
        return {**found, **({"path": target.rest} if target.rest else {})}
    for name, values in parse_qs(call.raw_query, keep_blank_values=True).items():
        if name in FLAGS:
            found[name] = values[-1] in TRUE
        elif name in LISTS:
            found[name] = [int(one) for one in values if one.isdigit()] if name == "ports" else values
        elif name == "container":
            found[name] = values[-1]
    return found

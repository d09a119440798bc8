"""Keep `managedFields` up to date with every write: who the writer is, and which fields a way of writing can set.

Source: kube endpoints/handlers/{create,update,patch}.go, managerOrUserAgent; registry/*/strategy.go, GetResetFields.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import orjson

from knarr.api import alike, apply, apply_owners, apply_shapes, strategy
from knarr.api import apply_sets as sets
from knarr.api.alike import Alike
from knarr.api.apply import Write
from knarr.api.apply_owners import Owners
from knarr.api.apply_sets import FieldSet
from knarr.api.apply_shapes import Unkeyed
from knarr.api.errors import Cause, invalid
from knarr.api.kinds import Kind
from knarr.apiserver import convert
from knarr.apiserver.core import Core, Request

Obj = dict[str, Any]
GIVEN: Final[Alike[FieldSet]] = Alike()  # the fields of new objects
NOBODYS: Final = frozenset({"name", "uid", "creationTimestamp"})  # metadata that nobody owns and all have their own
MANAGER_CHARS_MAX = 128  # Source: kube meta/v1/validation, FieldManagerMaxLength
STATUS_CANNOT_SET: Final[dict[tuple[str, str], FieldSet]] = {
    ("", "Pod"): {"f:spec": {}, "f:metadata": {"f:deletionTimestamp": {}, "f:ownerReferences": {}}},
    ("apiextensions.k8s.io", "CustomResourceDefinition"): {"f:spec": {}, "f:metadata": {}},
    ("apiregistration.k8s.io", "APIService"): {"f:spec": {}, "f:metadata": {}},
    ("apps", "Deployment"): {"f:spec": {}, "f:metadata": {"f:labels": {}}},
    ("certificates.k8s.io", "CertificateSigningRequest"): {"f:spec": {}},
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"): {"f:spec": {}, "f:metadata": {}},
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"): {"f:spec": {}, "f:metadata": {}},
}
ALLOCATED: Final[dict[tuple[str, str], tuple[str, ...]]] = {  # parts of a spec that are the server's choice, if its
    ("", "Service"): ("clusterIPs", "ipFamilies", "ipFamilyPolicy"),  # creator made none, though defaulting fills them
}


def allocated(kind: Kind, draft: Obj) -> FieldSet:
    """Return the fields of a draft, not yet defaulted, that will be the server's choice."""
    names = ALLOCATED.get((kind.group, kind.kind), ())
    spec = draft.get("spec") or {} if names else {}
    absent: FieldSet = {f"f:{name}": {} for name in names if not spec.get(name)}
    return {"f:spec": absent} if absent else {}


def track(core: Core, request: Request, new: Obj, old: Obj | None = None, *, unowned: FieldSet | None = None) -> None:
    """Write into a new state, in place, who owns its fields now. Both states are in the stored form, defaulted.

    old: None for a creation. unowned: what the writer did not choose. A client that writes `managedFields: [{}]` makes
    them forgotten.
    """
    kind = request.target.kind
    meta = new["metadata"]
    stored = old["metadata"].get("managedFields") if old else None
    sent = meta.pop("managedFields", None)
    owners = apply_owners.chosen(sent, stored, subresource=request.target.subresource)
    writer = write_of(core, request, kind)
    if unowned:
        writer = replace(writer, ignored=sets.union(writer.ignored or {}, unowned))
    try:
        first = old is None and not owners and not unowned and kind.rules is None
        if first and len(request.call.body) <= alike.BYTES_MAX:
            after = _of_first(writer, kind, _form(kind, new))
        else:
            after = apply.track(writer, _form(kind, old), _form(kind, new), owners)
    except Unkeyed:  # a list without keys cannot be followed; the write itself is judged by validation
        after = owners
    put(meta, apply_owners.write(after))


def _of_first(writer: Write, kind: Kind, new: Obj) -> Owners:
    """Return the owners of a small new object of a built-in kind, as `apply.track` does: of many alike, once."""
    meta = {key: value for key, value in new["metadata"].items() if key not in NOBODYS}
    try:
        content = orjson.dumps({**new, "metadata": meta})
    except TypeError:  # what JSON cannot say is refused where it is stored
        return apply.track(writer, {}, new, {})
    fields = GIVEN.recall((kind.api_version, kind.kind, writer.subresource, content), lambda: _given(writer, new))
    if fields is None:
        return apply.track(writer, {}, new, {})
    first = writer.owner(apply_owners.UPDATE, fields)
    return {first.key: first} if fields else {}


def _given(writer: Write, new: Obj) -> FieldSet:
    """Return the fields that a new object was given and its writer owns. Nobody changes a set of fields in place."""
    return next((owner.fields for owner in apply.track(writer, {}, new, {}).values()), {})


def write_of(core: Core, request: Request, kind: Kind) -> Write:
    """Return what a request writes, for the owners' sake. kind: whose fields it writes."""
    subresource = request.target.subresource
    return Write(
        _shape(kind), manager_of(request), kind.api_version, subresource,
        core.timestamp(), cannot_set(kind, subresource),
    )


def _shape(kind: Kind) -> apply_shapes.Shape:
    """Return how writers share an object."""
    if kind.rules is None:
        return apply_shapes.of_definition(kind.definition)
    shape: apply_shapes.Shape = kind.rules.shape
    return shape


def put(meta: Obj, entries: list[Obj]) -> None:
    """Write `managedFields` into metadata; none is no member."""
    if entries:
        meta["managedFields"] = entries
    else:
        meta.pop("managedFields", None)


def keep_times(new: Obj, old: Obj) -> None:
    """Give a state that differs from the old one by owners' times alone the old times: then nothing is written."""
    meta, entries = new["metadata"], old["metadata"].get("managedFields")
    mine = meta.get("managedFields")
    if mine == entries:
        return
    put(meta, entries or [])
    if new != old or not apply_owners.same_but_times(mine, entries):
        put(meta, mine or [])


def cannot_set(kind: Kind, subresource: str) -> FieldSet:
    """Return the fields that writes to the object, or to a subresource of it, leave as they are."""
    if subresource == "status":
        return STATUS_CANNOT_SET.get((kind.group, kind.kind), {"f:spec": {}})
    if (kind.group, kind.kind) == ("certificates.k8s.io", "CertificateSigningRequest"):
        return {"f:spec": {}, "f:status": {"f:certificate": {}}} if subresource else {"f:spec": {}, "f:status": {}}
    return {"f:status": {}} if strategy.has_status(kind) else {}


def manager_of(request: Request) -> str:
    """Return the writer's name: `fieldManager`, or what the user agent says before its version; Invalid."""
    asked = request.call.query.get("fieldManager", "")
    if asked:
        check_manager(asked, request.verb)
        return asked
    agent = request.call.headers.get("user-agent", "").partition("/")[0]
    printable = "".join(char for char in agent[:MANAGER_CHARS_MAX] if char.isprintable())
    return printable.encode()[:MANAGER_CHARS_MAX].decode(errors="ignore")


def check_manager(name: str, verb: str) -> None:
    """Refuse a field manager's name that is too long or cannot be printed."""
    causes = []
    if len(name.encode()) > MANAGER_CHARS_MAX:
        why = f"Too long: may not be more than {MANAGER_CHARS_MAX} bytes"
        causes.append(Cause("FieldValueTooLong", "fieldManager", why))
    for position, char in enumerate(name):
        if not char.isprintable():
            why = f'Invalid value: "{name}": invalid character U+{ord(char):04X} (at position {position})'
            causes.append(Cause("FieldValueInvalid", "fieldManager", why))
    if causes:
        options = {"create": "CreateOptions", "patch": "PatchOptions"}.get(verb, "UpdateOptions")
        raise invalid(options, "meta.k8s.io", "", causes)


def _form(kind: Kind, obj: Obj | None) -> Obj:
    return convert.served(kind, obj) if obj else {}

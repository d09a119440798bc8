"""Apply objects on the server: PATCH with `application/apply-patch+yaml` makes an object, or lays its fields over it.

Source: kube endpoints/handlers/patch.go, applyPatcher; apimachinery util/managedfields/internal/{fieldmanager,
versioncheck,lastappliedmanager,lastappliedupdater}.go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from knarr.api import apply, apply_owners, schema_decode
from knarr.api.apply import Conflicting, Untyped, Write
from knarr.api.apply_owners import Owners
from knarr.api.apply_shapes import Unkeyed
from knarr.api.errors import AlreadyExists, BadRequest, Cause, conflict, invalid
from knarr.api.http import Answer
from knarr.api.kinds import Kind
from knarr.apiserver import bodies, encode, options, ownership
from knarr.apiserver.changes import Changer, check_name
from knarr.apiserver.core import Request, with_warnings
from knarr.apiserver.creates import Creator, place

Obj = dict[str, Any]
MEDIA = "application/apply-patch+yaml"
KUBECTL = "kubectl"  # the manager that may go over from client-side apply
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True, slots=True)
class Applier:
    """The verb `patch` for objects to apply. may_create: raises Forbidden for callers that may patch only."""

    creator: Creator
    changer: Changer
    may_create: Callable[[Request], None]

    async def patch(self, request: Request) -> Answer:
        """Apply the body; 201 where the object was made by it, else 200; 400, 403, 409 or 422."""
        if not is_apply(request):
            return await self.changer.patch(request)
        applied = read(request, request.target.kind)
        if not request.target.subresource and self.changer.core.store.get(request.target.key) is None:
            told = list(request.warnings)
            try:
                return await self._create(request, applied)
            except AlreadyExists:
                request.warnings[:] = told  # another came first: lay it over theirs
        entry = await self.changer.change(request, self._laid_over(request, applied), owned=True)
        return with_warnings(self.changer.reader.show(request, 200, entry), request.warnings)

    async def _create(self, request: Request, applied: Obj) -> Answer:
        kind = request.target.kind
        self.may_create(request)
        uid = (applied.get("metadata") or {}).get("uid")
        if uid:
            why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
            raise conflict(kind.plural, kind.group, request.target.name, why)
        made = self._laid_over(request, applied)({})
        if not made["metadata"].get("name"):
            raise BadRequest("name must be provided")
        check_name(made, request.target.name)
        place(made, request)
        entry = await self.creator.insert(request, kind, made, owned=True)
        return with_warnings(self.changer.reader.show(request, 201, entry), request.warnings)

    def _laid_over(self, request: Request, applied: Obj) -> Callable[[Obj], Obj]:
        kind = request.target.kind
        write = ownership.write_of(self.changer.core, request, kind)
        force = forced(request)
        told = list(request.warnings)

        def make(live: Obj) -> Obj:
            request.warnings[:] = told
            entries = live.get("metadata", {}).pop("managedFields", None)
            merged, owners = lay(write, live, applied, apply_owners.read(entries), force=force)
            made = live if merged is None else orjson.loads(encode.dump(merged))
            if write.manager == KUBECTL:
                keep_last_applied(made, applied)
            made = bodies.settle_patched(request, kind, made)
            ownership.put(made["metadata"], apply_owners.write(owners))
            return made

        return make


def lay(write: Write, live: Obj, applied: Obj, owners: Owners, *, force: bool) -> tuple[Obj | None, Owners]:
    """Apply, and word what is refused: Conflict or BadRequest."""
    try:
        try:
            return apply.apply(write, live, applied, owners, force=force)
        except Conflicting as error:
            left = kubectl_conflicts(write, live, error)
            if left is not None:
                raise apply.conflict(left.found) from error
            return apply.apply(write, live, applied, owners, force=True)
    except Untyped as fault:
        raise BadRequest(f"failed to create typed patch object ({_named(applied)}): {fault}") from fault
    except Unkeyed as fault:
        raise BadRequest(f"failed to create typed live object ({_named(live)}): {fault}") from fault


def kubectl_conflicts(write: Write, live: Obj, error: Conflicting) -> Conflicting | None:
    """Return what of a conflict remains when kubectl takes over what its client-side apply had set."""
    text = (live.get("metadata", {}).get("annotations") or {}).get(LAST_APPLIED)
    if write.manager != KUBECTL or not text:
        return error
    try:
        last = orjson.loads(text)
        return apply.last_applied_allows(write, live, last, error) if isinstance(last, dict) else error
    except (orjson.JSONDecodeError, Unkeyed):
        return error  # anybody may write the annotation: what makes no sense allows nothing


def keep_last_applied(made: Obj, applied: Obj) -> None:
    """Let an object that was once applied by the client tell client-side apply what was applied now, in place."""
    meta = made.get("metadata") or {}
    annotations = meta.get("annotations") or {}
    if LAST_APPLIED not in annotations:
        return
    said = applied.get("metadata") or {}
    others = {key: value for key, value in (said.get("annotations") or {}).items() if key != LAST_APPLIED}
    rest = {key: value for key, value in said.items() if key != "annotations"}
    rest |= {"annotations": others} if others else {}
    text = orjson.dumps({**applied, "metadata": rest}, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)
    meta["annotations"] = {**annotations, LAST_APPLIED: text.decode()}


def is_apply(request: Request) -> bool:
    """Say whether a PATCH is an apply."""
    return request.call.headers.get("content-type", "").partition(";")[0].strip().lower() == MEDIA


def forced(request: Request) -> bool:
    """Say whether conflicts shall be won."""
    return options.boolean(request.call.query, "force")


def read(request: Request, kind: Kind) -> Obj:
    """Read the object to apply, as it was written; BadRequest or Invalid."""
    if not request.call.query.get("fieldManager"):
        cause = Cause("FieldValueRequired", "fieldManager", "Required value: is required for apply patch")
        raise invalid("PatchOptions", "meta.k8s.io", "", [cause])
    ownership.check_manager(request.call.query["fieldManager"], "patch")
    validation = bodies.field_validation(request)
    applied, twins = _parsed(request.call.body)
    if not isinstance(applied, dict):
        raise BadRequest("error decoding YAML: json: cannot unmarshal the patch into Go value of type "
                         "map[string]interface {}")
    _check_type(kind, applied)
    if twins and validation == "Strict":
        raise BadRequest(f"error strict decoding YAML: {_twins(twins)}")
    if twins and validation == "Warn":
        request.warnings.append(_twins(twins))
    return applied


def _check_type(kind: Kind, applied: Obj) -> None:
    version, said = str(applied.get("apiVersion") or ""), str(applied.get("kind") or "")
    group, _, rest = version.rpartition("/")
    if (version, said) != (kind.api_version, kind.kind):
        raise BadRequest(f"invalid object type: {group}/{rest}, Kind={said}")
    meta = applied.get("metadata")
    if meta is not None and not isinstance(meta, dict):
        raise BadRequest(f"failed to create typed patch object ({_named(applied)}): .metadata: expected map")
    if meta and meta.get("managedFields") is not None:
        raise BadRequest("metadata.managedFields must be nil")


def _parsed(body: bytes) -> tuple[Any, list[str]]:
    """Read YAML; JSON, which most clients send, is read as such first."""
    try:
        if body[:1] == b"{":
            return schema_decode.parse(body, "application/json")
    except ValueError:
        pass  # YAML may begin like that too
    try:
        return schema_decode.parse(body, "application/yaml")
    except ValueError as fault:
        raise BadRequest(f"error decoding YAML: {fault}") from fault


def _twins(paths: list[str]) -> str:
    return "error converting YAML to JSON: " + ", ".join(f'key "{path}" already set in map' for path in paths)


def _named(obj: Obj) -> str:
    meta = obj.get("metadata")
    meta = meta if isinstance(meta, dict) else {}
    group, _, version = str(obj.get("apiVersion") or "").rpartition("/")
    gvk = f"{group}/{version}, Kind={obj.get('kind', '')}"
    return f"{meta.get('namespace') or ''}/{meta.get('name') or ''}; {gvk}"

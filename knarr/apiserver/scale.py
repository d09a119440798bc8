"""Serve `scale`: a workload's replica count and selector, spoken as autoscaling/v1 Scale.

Source: kube registry/apps/*/storage, ScaleREST; apis/autoscaling/validation, ValidateScale.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import orjson

from knarr.api.errors import BadRequest, Cause, invalid, not_found
from knarr.api.http import Answer
from knarr.apiserver import applying, bodies, conversion, encode, ownership, patches, scale_owners, views
from knarr.apiserver.changes import Changer, converted, modified, other_uid
from knarr.apiserver.core import Request, with_warnings
from knarr.apiserver.scale_forms import SCALE, replicas_path, scale_of, set_replicas

Obj = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scaler:
    """The verbs of the subresource."""

    changer: Changer

    async def get(self, request: Request) -> Answer:
        """Answer with the Scale of one workload."""
        target = request.target
        entry = self.changer.core.store.get(target.key)
        if entry is None:
            raise not_found(target.kind.plural, target.kind.group, target.name)
        await conversion.ready(self.changer.core, target.kind, [entry])
        return self._show(request, scale_of(converted(target.kind, entry), target.kind))

    async def write(self, request: Request) -> Answer:
        """Set the replica count by PUT or PATCH; 200 with the Scale."""
        entry = await self.changer.change(request, self._scaling(request), owned=True)
        kind = request.target.kind
        return with_warnings(self._show(request, scale_of(converted(kind, entry), kind)), request.warnings)

    def _scaling(self, request: Request) -> Callable[[Obj], Obj]:
        """Return what makes the workload's new state from its stored one."""
        core, kind = self.changer.core, request.target.kind
        applied = applying.read(request, SCALE) if applying.is_apply(request) else None
        patch = patches.read(request) if request.verb == "patch" and applied is None else None
        told = list(request.warnings)
        path = tuple(f"f:{step}" for step in replicas_path(kind))

        def scaled(workload: Obj) -> Obj:
            request.warnings[:] = told
            before, owners = scale_of(workload, kind), None
            revision = before["metadata"]["resourceVersion"]
            if applied is not None:
                write, force = ownership.write_of(core, request, SCALE), applying.forced(request)
                made, owners = scale_owners.applied(write, workload, before, applied, force=force, path=path)
                wanted = bodies.settle_patched(request, SCALE, orjson.loads(orjson.dumps(made)))
            elif patch is None:
                wanted = bodies.read(request, SCALE)
            else:
                wanted = bodies.settle_patched(request, SCALE, patch(SCALE, orjson.loads(orjson.dumps(before))))
            check(request, wanted, workload, revision)
            had, replicas = before["spec"].get("replicas", 0), wanted.get("spec", {}).get("replicas", 0)
            if owners is None:
                write = ownership.write_of(core, request, kind)
                write = write if kind.rules is None else replace(write, now="")  # who scales a custom kind has no time
                owners = scale_owners.tracked(write, workload, had, replicas, path=path)
            ownership.put(workload["metadata"], owners)
            set_replicas(workload, kind, replicas)
            return workload

        return scaled

    def _show(self, request: Request, scale: Obj) -> Answer:
        if not request.form.view:
            return encode.answer(200, orjson.dumps(scale), request.form)
        now_s = self.changer.core.clock.now_s()
        shown = views.one(SCALE, scale, request.form, query=request.call.query, now_s=now_s)
        return encode.answer(200, shown, request.form)


def check(request: Request, wanted: Obj, workload: Obj, revision: str) -> None:
    """Refuse a Scale of another object, from another state, or below zero."""
    kind, name = request.target.kind, request.target.name
    meta = wanted["metadata"]
    if meta.get("name") and meta["name"] != name:
        raise BadRequest(f"the name of the object ({meta['name']}) does not match the name on the URL ({name})")
    if meta.get("uid") and meta["uid"] != workload["metadata"]["uid"]:
        raise other_uid(kind, workload["metadata"], meta["uid"])
    if meta.get("resourceVersion") and meta["resourceVersion"] != revision:
        raise modified(kind, name)
    replicas = wanted.get("spec", {}).get("replicas", 0)
    if replicas < 0:
        cause = Cause(
            "FieldValueInvalid", "spec.replicas", f"Invalid value: {replicas}: must be greater than or equal to 0"
        )
        raise invalid("Scale", "autoscaling", name, [cause])

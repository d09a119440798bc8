"""Answer PUT. It changes what is there; for the kinds whose names their users choose freely it also creates.

Source: kube registry/*/strategy.go, AllowCreateOnUpdate; registry/generic/registry/store.go, Update.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from knarr.api.errors import BadRequest, conflict
from knarr.api.http import Answer
from knarr.apiserver import bodies
from knarr.apiserver.changes import Changer, check_name
from knarr.apiserver.core import Request, with_warnings
from knarr.apiserver.creates import Creator, place

Obj = dict[str, Any]
CREATED = frozenset({
    ("", "endpoints"), ("", "events"), ("", "limitranges"), ("", "podtemplates"), ("", "services"),
    ("coordination.k8s.io", "leases"), ("events.k8s.io", "events"),
    ("rbac.authorization.k8s.io", "clusterrolebindings"), ("rbac.authorization.k8s.io", "clusterroles"),
    ("rbac.authorization.k8s.io", "rolebindings"), ("rbac.authorization.k8s.io", "roles"),
})


@dataclass(frozen=True, slots=True)
class Putter:
    """The verb `update`. may_create: raises Forbidden unless the caller may create the object too."""

    creator: Creator
    changer: Changer
    may_create: Callable[[Request], None]

    async def update(self, request: Request) -> Answer:
        """Replace the object, 200; or create it where its kind allows that, 201."""
        target = request.target
        creates = not target.subresource and (target.kind.group, target.kind.plural) in CREATED
        if creates and self.changer.core.store.get(target.key) is None:
            return await self._create(request)
        return await self.changer.update(request)

    async def _create(self, request: Request) -> Answer:
        kind, name = request.target.kind, request.target.name
        draft = bodies.read(request, kind)
        if not draft["metadata"].get("name"):
            raise BadRequest("name must be provided")
        check_name(draft, name)
        place(draft, request)
        self.may_create(request)
        if draft["metadata"].get("uid"):
            why = f"Precondition failed: UID in precondition: {draft['metadata']['uid']}, UID in object meta: "
            raise conflict(kind.plural, kind.group, name, why)
        draft["metadata"].pop("resourceVersion", None)
        entry = await self.creator.insert(request, kind, draft)
        return with_warnings(self.changer.reader.show(request, 201, entry), request.warnings)

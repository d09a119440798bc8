"""Answer for ComponentStatuses, which lie in no store: how the parts are that this server can judge itself.

Those are its store, under the name that tools look for. Controllers and scheduler live and die with the process that
answers, so an answer is the proof that they are there. Source: kube registry/core/componentstatus/rest.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from knarr.api import selectors
from knarr.api.errors import not_found
from knarr.api.http import Answer
from knarr.apiserver import encode, views
from knarr.apiserver.core import Request
from knarr.apiserver.reads import Reader

Obj = dict[str, Any]
PARTS = ("controller-manager", "etcd-0", "scheduler")


@dataclass(frozen=True, slots=True)
class Components:
    """The verbs `get` and `list` of ComponentStatuses."""

    reader: Reader

    def get(self, request: Request) -> Answer:
        """Answer with one part; else NotFound."""
        kind, form = request.target.kind, request.form
        if request.target.name not in PARTS:
            raise not_found(kind.plural, kind.group, request.target.name)
        obj = self._judged(request.target.name)
        if form.view:
            now_s = self.reader.core.clock.now_s()
            return encode.answer(200, views.one(kind, obj, form, query=request.call.query, now_s=now_s), form)
        return encode.answer(200, encode.dump(obj), form)

    def collection(self, request: Request) -> Answer:
        """Answer with all parts that the label selector chooses: they have no labels."""
        kind, form, query = request.target.kind, request.form, request.call.query
        chosen = selectors.parse_labels(query.get("labelSelector", "")).matches({})
        objects = [self._judged(name) for name in PARTS] if chosen else []
        if form.view:
            now_s = self.reader.core.clock.now_s()
            return encode.answer(200, views.many(kind, objects, form, meta={}, query=query, now_s=now_s), form)
        rows = ({"metadata": obj["metadata"], "conditions": obj["conditions"]} for obj in objects)
        inner = b",".join(encode.dump(row) for row in rows)
        return encode.answer(200, encode.list_body(kind, inner, {}), form)

    def _judged(self, name: str) -> Obj:
        healthy = name != "etcd-0" or self.reader.core.store.revision >= 0
        condition = {"type": "Healthy", "status": "True" if healthy else "False", "message": "ok"}
        return {"kind": "ComponentStatus", "apiVersion": "v1",
                "metadata": {"name": name}, "conditions": [condition]}

"""Decide which objects a label and a field selector choose, parsing as little of each as possible."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from knarr.api import selectors
from knarr.api.kinds import Kind
from knarr.apiserver.fieldlabels import supported, value_of
from knarr.store.face import Entry


class _Meta(msgspec.Struct, gc=False):
    labels: dict[str, str] | None = None


class _Labelled(msgspec.Struct, gc=False):
    metadata: _Meta


_LABELS = msgspec.json.Decoder(_Labelled)


class Selection:
    """A label selector and a field selector over one kind. False if it chooses everything."""

    def __init__(self, kind: Kind, query: Mapping[str, str]) -> None:
        """Read both selectors; BadRequest for bad syntax or a field that cannot be selected by."""
        self.kind = kind
        labels, fields = query.get("labelSelector", ""), query.get("fieldSelector", "")
        self.labels = selectors.parse_labels(labels) if labels else None
        self.fields = selectors.parse_fields(fields, known=supported(kind)) if fields else ()
        self.name = self._exact("metadata.name")
        self.namespace = self._exact("metadata.namespace")

    def __bool__(self) -> bool:
        return self.labels is not None or bool(self.fields)

    def matches(self, entry: Entry) -> bool:
        """Say whether the entry is chosen."""
        if self.name and not entry.key.endswith(f"/{self.name}"):
            return False
        if self.labels is not None:
            labels = _LABELS.decode(entry.value).metadata.labels
            if not self.labels.matches(labels or {}):
                return False
        return not self.fields or self._fields_match(entry.obj)

    def _fields_match(self, obj: dict[str, Any]) -> bool:
        return all((value_of(self.kind, obj, term.path) == term.value) == term.equal for term in self.fields)

    def _exact(self, path: str) -> str:
        return next((term.value for term in self.fields if term.path == path and term.equal), "")

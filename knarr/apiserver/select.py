"""Decide which objects a label and a field selector choose, parsing as little of each as possible."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import msgspec

from knarr.api import selectors
from knarr.api.kinds import Kind
from knarr.apiserver.fieldlabels import ALWAYS, stored_path, supported, text_of, value_of
from knarr.store.face import Among, Entry


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
        self._tests = tuple((reader(kind, term.path), term) for term in self.fields)
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
        return all((read(entry) == term.value) == term.equal for read, term in self._tests)

    @property
    def among(self) -> Among | None:
        """Return what a watch of this selection is about, where one field's value tells."""
        exact = (Among(read, term.value) for read, term in self._tests if term.equal and term.path not in ALWAYS)
        return next(exact, None)

    def _exact(self, path: str) -> str:
        return next((term.value for term in self.fields if term.path == path and term.equal), "")


def reader(kind: Kind, path: str) -> Callable[[Entry], str]:
    """Return what reads one field's text from an entry; always the same for a field of a built-in kind."""
    if kind.rules is not None:
        return lambda entry: value_of(kind, entry.obj, path)
    return _reader(kind, path)


@cache
def _reader(kind: Kind, path: str) -> Callable[[Entry], str]:
    """Return a reader that parses as little as possible."""
    if path == "metadata.name":
        return lambda entry: entry.key.rpartition("/")[2]
    if path == "metadata.namespace":
        return lambda entry: entry.key.split("/", 4)[3] if kind.namespaced else ""
    if path == "source":
        return lambda entry: value_of(kind, entry.obj, path)
    steps = stored_path(path)
    form: Any = Any
    for step in reversed(steps):
        form = msgspec.defstruct("Part", [(step, form | None, None)], gc=False)
    decoder = msgspec.json.Decoder(form)

    def read(entry: Entry) -> str:
        found = decoder.decode(entry.value)
        for step in steps:
            if found is None:
                break
            found = getattr(found, step)
        return text_of(kind, path, found)

    return read

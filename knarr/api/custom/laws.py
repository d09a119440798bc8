"""Hold what one version of a definition says of its objects: how they are pruned, completed, checked and shown.

A definition's schema is kept as bytes until an object of the kind comes: most are large, and most are never used.
Source: kube apiextensions pkg/registry/customresource.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from functools import cached_property
from importlib import import_module
from typing import Any

import orjson

from knarr.api.apply_shapes import Shape
from knarr.api.columns.view import View
from knarr.api.custom import embedded, jsonpath, lists, printing, words
from knarr.api.custom.check import check, ratcheted
from knarr.api.custom.node import Node
from knarr.api.custom.prune import default, prune
from knarr.api.custom.scale import Scale, at
from knarr.api.custom.shapes import of_root
from knarr.api.errors import Cause
from knarr.api.schema import Findings

INT32_MAX = (1 << 31) - 1
CONVERTED_MAX = 20_000  # objects that a webhook has converted, kept per version
Obj = dict[str, Any]


class Laws:
    """The rules of one version (see `kinds.Rules`).

    version: an item of the definition's `spec.versions`. reshapes: objects may have been stored under other rules.
    webhook: the definition's `spec.conversion.webhook`, if it converts its objects.
    """

    def __init__(self, version: Obj, *, api_version: str, storage_version: str, reshapes: bool,
                 webhook: Obj | None = None) -> None:
        self._api_version = api_version
        self.storage_version, self.reshapes, self.webhook = storage_version, reshapes, webhook
        self._converted: dict[tuple[str, str], bytes] = {}
        self.selectable = tuple(row["jsonPath"].removeprefix(".") for row in version.get("selectableFields") or ())
        self._columns: list[Obj] = version.get("additionalPrinterColumns") or []
        self._scale: Obj | None = (version.get("subresources") or {}).get("scale")
        raw = (version.get("schema") or {}).get("openAPIV3Schema") or {"type": "object"}
        self._packed = zlib.compress(orjson.dumps(raw), 1)

    @cached_property
    def node(self) -> Node:
        """The schema, compiled as far as it has been used."""
        return Node(self.schema)

    @property
    def schema(self) -> Obj:
        """The schema as written; a fresh copy."""
        raw: Obj = orjson.loads(zlib.decompress(self._packed))
        return raw

    @cached_property
    def view(self) -> View:
        """How the kind is printed."""
        return printing.view(self._columns)

    @cached_property
    def shape(self) -> Shape:
        """How writers share an object."""
        return of_root(self.node)

    @cached_property
    def scale(self) -> Scale | None:
        """Where a Scale's counts lie."""
        if self._scale is None:
            return None
        paths = (self._scale.get(name, "") for name in ("specReplicasPath", "statusReplicasPath", "labelSelectorPath"))
        return Scale(*(tuple(str(step) for step in jsonpath.parse(path)) for path in paths))

    def settle(self, obj: Obj) -> Findings:
        """Drop unknown fields, and bring the metadata into the API's form."""
        findings = Findings()
        meta = obj.get("metadata")
        if meta is not None:
            findings = embedded.settled_metadata(meta)
        if not findings.wrong and self.node.embeds:
            embedded.settle(obj, self.node, findings)
        if not findings.wrong:
            prune(obj, self.node, unknown=findings.unknown, root=True)
        return findings

    def embedded(self, obj: Obj) -> Iterable[tuple[str, Obj]]:
        """Return the whole objects inside of one, by path."""
        return embedded.inside(obj, self.node) if self.node.embeds else ()

    def default(self, obj: Obj) -> None:
        """Fill absent fields."""
        default(obj, self.node)

    def create(self, obj: Obj) -> list[Cause]:
        """Return what refuses a new object."""
        causes: list[Cause] = []
        check(self.node, obj, "", causes)
        self._counts(obj, causes)
        lists.duplicates(obj, self.node, "", causes)
        if self.node.ruled:
            _rules().judge(self.node, obj, causes)
        return causes

    def update(self, new: Obj, old: Obj, subresource: str) -> list[Cause]:
        """Return what refuses a change; what was wrong before and has not been touched does not."""
        causes: list[Cause] = []
        check(self.node, new, "", causes)
        if causes:
            causes = []
            ratcheted(self.node, new, old, path="", causes=causes)
        self._counts(new, causes)
        before: list[Cause] = []
        after: list[Cause] = []
        lists.duplicates(new, self.node, "", after)
        if after:
            lists.duplicates(old, self.node, "", before)
        causes += [cause for cause in after if cause not in before]
        if self.node.ruled:
            _rules().judge(self.node, new, causes, old=old)
        return causes

    def show(self, obj: Obj) -> Obj:
        """Return a stored object as this version shows it, in place: in its name, pruned and completed anew.

        One that a webhook must convert has been converted before; see `keep`.
        """
        if self.webhook is not None and obj["apiVersion"] != self._api_version:
            obj = orjson.loads(self._converted[_mark(obj)])
        obj["apiVersion"] = self._api_version
        if self.reshapes:
            prune(obj, self.node, unknown=[], root=True)
            default(obj, self.node)
        return obj

    def lacks(self, obj: Obj) -> bool:
        """Say whether a stored object must be converted before it can be shown."""
        return self.webhook is not None and obj["apiVersion"] != self._api_version and _mark(obj) not in self._converted

    def keep(self, obj: Obj, converted: Obj) -> None:
        """Remember what a webhook has made of a stored object."""
        if len(self._converted) >= CONVERTED_MAX:
            del self._converted[next(iter(self._converted))]
        self._converted[_mark(obj)] = orjson.dumps(converted)

    def _counts(self, obj: Obj, causes: list[Cause]) -> None:
        """Check that the counts of a Scale are such."""
        if self.scale is None:
            return
        for steps in (self.scale.replicas, self.scale.shown):
            count, path = at(obj, steps), "." + ".".join(steps)
            if count is None:
                continue
            if isinstance(count, bool) or not isinstance(count, int):
                found = f"{words.compact(count) if not isinstance(count, str) else count} is of the type {_go(count)}"
                causes.append(words.invalid(path, 0, f"{path} accessor error: {found}, expected int64"))
            elif count < 0:
                causes.append(words.invalid(path, count, "should be a non-negative integer"))
            elif count > INT32_MAX:
                causes.append(words.invalid(path, count, f"should be less than or equal to {INT32_MAX}"))


def _rules() -> Any:
    """Bring the evaluation of CEL in when the first object with rules comes: most clusters have none."""
    return import_module("knarr.api.custom.rules")


def _mark(obj: Obj) -> tuple[str, str]:
    meta = obj["metadata"]
    return str(meta.get("uid", "")), str(meta.get("resourceVersion", ""))


def _go(value: Any) -> str:
    names = {"string": "string", "boolean": "bool", "number": "float64", "array": "[]interface {}",
             "object": "map[string]interface {}"}
    return names.get(words.type_of(value), "interface {}")

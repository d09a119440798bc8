"""Find whole objects inside of custom objects (`x-kubernetes-embedded-resource`), and bring their metadata into form.

Source: kube apiextensions pkg/apiserver/schema/objectmeta/algorithm.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from knarr.api import schema
from knarr.api.custom import words
from knarr.api.custom.node import Node
from knarr.api.schema import Findings

Obj: TypeAlias = dict[str, Any]


def inside(value: Any, node: Node, path: str = "") -> Iterator[tuple[str, Obj]]:
    """Yield the embedded objects below a place, each with its path, the outer ones first."""
    if isinstance(value, dict):
        if node.embedded and path:
            yield path, value
        for key in value:
            child = node.member(key)
            if child is not None:
                here = f"{path}.{key}" if key in node.properties else f"{path}[{key}]"
                yield from inside(value[key], child, here.removeprefix("."))
    elif isinstance(value, list) and node.items is not None:
        for number, item in enumerate(value):
            yield from inside(item, node.items, f"{path}[{number}]")


def settle(obj: Obj, node: Node, findings: Findings) -> None:
    """Drop fields that no metadata has, in place, and note their paths; or say what is of the wrong type."""
    for path, one in inside(obj, node):
        for name in ("apiVersion", "kind"):
            if name in one and not isinstance(one[name], str):
                findings.wrong = f"{path}.{name}: Invalid value: {words.shown(one[name])}: must be a string"
                return
        meta = one.get("metadata")
        if meta is None:
            continue
        found = settled_metadata(meta)
        if found.wrong:
            findings.wrong = f"{path}.metadata: Invalid value: {words.shown(meta)}: {found.wrong}"
            return
        findings.unknown += [f"{path}.{field}" for field in found.unknown]


def settled_metadata(meta: Any) -> Findings:
    """Settle an object's metadata in place."""
    if not isinstance(meta, dict):
        return Findings(wrong=f"json: cannot unmarshal {words.type_of(meta)} into Go value of type v1.ObjectMeta")
    findings = schema.check_as("meta_v1.ObjectMeta", meta)
    findings.unknown[:] = [f"metadata.{path}" for path in findings.unknown]
    return findings

"""Find what stands twice in lists that are sets or maps. Source: kube apiextensions pkg/apiserver/schema/listtype."""

from __future__ import annotations

from typing import Any

from knarr.api.custom import words
from knarr.api.custom.node import Node
from knarr.api.errors import Cause


def duplicates(value: Any, node: Node, path: str, causes: list[Cause]) -> None:
    """Add a cause for every item that is there already."""
    if isinstance(value, dict):
        for key in sorted(value):
            child = node.member(key)
            if child is not None and isinstance(value[key], dict | list):
                duplicates(value[key], child, f"{path}.{key}" if path else key, causes)
    elif isinstance(value, list) and node.items is not None:
        _same_items(value, node, path, causes)
        for number, item in enumerate(value):
            if isinstance(item, dict | list):
                duplicates(item, node.items, f"{path}[{number}]", causes)


def _same_items(value: list[Any], node: Node, path: str, causes: list[Cause]) -> None:
    sort = node.raw.get("x-kubernetes-list-type")
    if sort not in ("set", "map"):
        return
    keys = node.raw.get("x-kubernetes-list-map-keys") or ()
    seen: set[str] = set()
    for number, item in enumerate(value):
        told = {key: item[key] for key in keys if key in item} if sort == "map" and isinstance(item, dict) else item
        mark = words.compact(told)
        if mark in seen:
            causes.append(words.duplicate(f"{path}[{number}]", told))
        seen.add(mark)

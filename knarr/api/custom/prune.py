"""Take out of an object what its schema does not know, and fill in what it lacks.

Source: kube apiextensions pkg/apiserver/schema/{pruning,defaulting}.
"""

from __future__ import annotations

import copy
from typing import Any

from knarr.api.custom.node import NO_DEFAULT, RESOURCE_FIELDS, Node

UNKNOWN_MAX = 100  # paths told of one object


def prune(value: Any, node: Node, path: str = "", *, unknown: list[str], root: bool = False) -> None:
    """Drop unknown fields in place, and note their paths. root: the value is a whole object."""
    if isinstance(value, dict):
        _prune_object(value, node, path, unknown=unknown, root=root)
    elif isinstance(value, list) and node.items is not None:
        for number, item in enumerate(value):
            prune(item, node.items, f"{path}[{number}]", unknown=unknown)


def _prune_object(value: dict[str, Any], node: Node, path: str, *, unknown: list[str], root: bool) -> None:
    resource, is_open = root or node.embedded, node.open
    for key in list(value):
        if resource and key in RESOURCE_FIELDS:
            continue
        child = node.member(key)
        here = f"{path}.{key}" if path else key
        if child is not None:
            prune(value[key], child, here, unknown=unknown)
        elif not is_open:
            del value[key]
            if len(unknown) < UNKNOWN_MAX:
                unknown.append(here)


def default(value: Any, node: Node) -> None:
    """Fill absent fields in place; a null where none may be counts as absent if there is a default."""
    if not node.defaults:
        return
    if isinstance(value, dict):
        for key in node.properties:
            child = node.member(key)
            assert child is not None
            absent = key not in value or (value[key] is None and not child.nullable)
            if absent and child.default is not NO_DEFAULT:
                value[key] = copy.deepcopy(child.default)
        for key, item in value.items():
            child = node.member(key)
            if child is not None:
                default(item, child)
    elif isinstance(value, list) and node.items is not None:
        for item in value:
            default(item, node.items)

"""Read one YAML document as Kubernetes does: YAML 1.1 scalars, JSON's data model, aliases expanded within bounds.

Source: sigs.k8s.io/yaml and gopkg.in/yaml.v2 resolve.go.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

NODES_MAX = 200_000  # after aliases are expanded: ten times the largest objects seen
DEPTH_MAX = 200  # levels
DUPLICATES_MAX = 100  # told of one document

_TRUE = frozenset({"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"})
_FALSE = frozenset({"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"})
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_INT = re.compile(r"[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0o?[0-7_]*|[1-9][0-9_]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_TAG = "tag:yaml.org,2002:"
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class YamlError(ValueError):
    """The text is no YAML document; the message begins with `yaml: `."""


def read_yaml(body: bytes) -> tuple[Any, list[str]]:
    """Return the first document's value, and the paths of keys that stand twice. Raises YamlError."""
    try:
        node = next(_Composer(_LOADER(body)).documents(), None)
    except (yaml.YAMLError, UnicodeDecodeError) as fault:
        raise YamlError(_first_line(fault)) from fault
    builder = _Builder()
    return (None if node is None else builder.build(node, "", 0)), builder.duplicates


def read_documents(text: str) -> list[Any]:
    """Return the value of every document of a file, None for an empty one. Raises YamlError."""
    try:
        nodes = list(_Composer(_LOADER(text)).documents())
    except yaml.YAMLError as fault:
        raise YamlError(_first_line(fault)) from fault
    return [_Builder().build(node, "", 0) for node in nodes]


def _first_line(fault: Exception) -> str:
    mark, problem = getattr(fault, "problem_mark", None), getattr(fault, "problem", None)
    if mark is not None and problem:
        return f"yaml: line {mark.line + 1}: {problem}"
    return f"yaml: {str(fault).splitlines()[0] if str(fault) else type(fault).__name__}"


class _Composer:
    """Puts nodes together from the parser's events: the library's own composer recurses in C without a bound."""

    def __init__(self, loader: Any) -> None:
        self.loader = loader
        self.anchors: dict[str, Node] = {}

    def documents(self) -> Iterator[Node]:
        """Yield the root of one document after the other; each has its own anchors."""
        self.loader.get_event()  # the stream begins
        while not self.loader.check_event(yaml.events.StreamEndEvent):
            self.loader.get_event()  # the document begins
            self.anchors = {}
            yield self._node(0)
            self.loader.get_event()  # it ends

    def _node(self, depth: int) -> Node:
        if depth > DEPTH_MAX:
            raise YamlError("yaml: exceeded max depth")
        event = self.loader.get_event()
        if isinstance(event, AliasEvent):
            if event.anchor not in self.anchors:
                raise YamlError(f"yaml: unknown anchor '{event.anchor}' referenced")
            return self.anchors[event.anchor]
        node = self._composed(event, depth)
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def _composed(self, event: Any, depth: int) -> Node:
        tag, marks = event.tag or "", (event.start_mark, event.end_mark)
        if isinstance(event, ScalarEvent):
            return ScalarNode(tag, event.value, *marks, style=event.style)
        if isinstance(event, SequenceStartEvent):
            return SequenceNode(tag, self._until(SequenceEndEvent, depth), *marks)
        assert isinstance(event, MappingStartEvent)
        flat = self._until(MappingEndEvent, depth)
        return MappingNode(tag, list(zip(flat[::2], flat[1::2], strict=True)), *marks)

    def _until(self, end: type[Any], depth: int) -> list[Node]:
        nodes = []
        while not self.loader.check_event(end):
            nodes.append(self._node(depth + 1))
        self.loader.get_event()
        return nodes


class _Builder:
    """Builds fresh values: an alias gives a copy, so that nothing in an object is shared."""

    def __init__(self) -> None:
        self.nodes = 0
        self.duplicates: list[str] = []

    def build(self, node: Node, path: str, depth: int) -> Any:
        self.nodes += 1
        if self.nodes > NODES_MAX or depth > DEPTH_MAX:
            raise YamlError("yaml: document contains excessive aliasing")
        if isinstance(node, MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, SequenceNode):
            return [self.build(item, f"{path}[{index}]", depth + 1) for index, item in enumerate(node.value)]
        assert isinstance(node, ScalarNode)
        return scalar(node)

    def _mapping(self, node: MappingNode, path: str, depth: int) -> dict[str, Any]:
        built: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if _is_merge(key_node):
                merged = {**self._merge(value_node, path, depth), **merged}
                continue
            key = _key(key_node)
            here = f"{path}.{key}" if path else key
            if key in built and len(self.duplicates) < DUPLICATES_MAX:
                self.duplicates.append(here)
            built[key] = self.build(value_node, here, depth + 1)
        return {**merged, **built} if merged else built

    def _merge(self, node: Node, path: str, depth: int) -> dict[str, Any]:
        """Return what `<<` brings: earlier maps win over later ones."""
        merged: dict[str, Any] = {}
        for source in node.value if isinstance(node, SequenceNode) else [node]:
            if not isinstance(source, MappingNode):
                raise YamlError(f"yaml: line {node.start_mark.line + 1}: map merge requires map or sequence of maps "
                                "as the value")
            merged = {**self.build(source, path, depth + 1), **merged}
        return merged


def _key(node: Node) -> str:
    """Return a key as JSON has it: texts only."""
    if not isinstance(node, ScalarNode):
        raise YamlError(f"yaml: line {node.start_mark.line + 1}: invalid map key")
    value = scalar(node)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)


def _is_merge(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.value == "<<" and not node.style and not node.tag


def scalar(node: ScalarNode) -> Any:
    """Return a scalar's value as YAML 1.1 reads it."""
    if node.tag not in ("", "!"):
        return _tagged(node.tag.removeprefix(_TAG), node.value)
    if node.style in ("'", '"', "|", ">") or node.tag == "!":
        return node.value
    return plain(node.value)


def plain(text: str) -> Any:
    """Return what an unquoted, untagged word means."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INT.fullmatch(text):
        return _integer(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if abs(number) != float("inf") else text
    return text


def _integer(text: str) -> Any:
    digits = text.replace("_", "").lstrip("+-")
    sign = -1 if text.startswith("-") else 1
    try:
        if digits.startswith(("0b", "0x", "0o")):
            return sign * int(digits, 0)
        return sign * int(digits, 8 if digits.startswith("0") and len(digits) > 1 else 10)
    except ValueError:
        return text  # `0b`, `0x_`: words after all


def _tagged(tag: str, text: str) -> Any:
    if tag == "binary":
        return _binary(text)
    if tag in ("int", "float", "bool", "null"):
        return plain(text)
    return text


def _binary(text: str) -> str:
    try:
        return b64decode(text).decode()
    except ValueError as fault:
        raise YamlError("yaml: !!binary value contains invalid base64 data") from fault

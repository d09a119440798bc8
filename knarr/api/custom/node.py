"""Compile structural schemas: one Node per place, made when an object first has something there.

Definitions are large and objects touch little of them, so nothing is compiled that nobody uses.
Source: kube apiextensions pkg/apiserver/schema/structural.go.
"""

from __future__ import annotations

from typing import Any

NO_DEFAULT: Any = object()
RESOURCE_FIELDS = frozenset({"apiVersion", "kind", "metadata"})


class Node:
    """What may stand at one place of an object. raw: the schema as its author wrote it."""

    __slots__ = ("_additional", "_children", "_defaults", "_embeds", "_items", "_parts", "_required", "_ruled",
                 "embedded", "nullable", "preserve", "properties", "raw", "types")

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw
        self.types: tuple[str, ...] = (raw["type"],) if raw.get("type") else ()
        if raw.get("x-kubernetes-int-or-string"):
            self.types = ("integer", "string")
        self.nullable = bool(raw.get("nullable"))
        self.preserve = bool(raw.get("x-kubernetes-preserve-unknown-fields"))
        self.embedded = bool(raw.get("x-kubernetes-embedded-resource"))
        self.properties: dict[str, Any] = raw.get("properties") or {}
        self._children: dict[str, Node] = {}
        self._parts: dict[str, tuple[Node, ...]] = {}
        self._items: Node | None = None
        self._additional: Node | None = None
        self._defaults: bool | None = None
        self._ruled: bool | None = None
        self._embeds: bool | None = None

    def member(self, name: str) -> Node | None:
        """Return the node of a property, or else of any additional one; None if the schema says nothing of it."""
        found = self._children.get(name)
        if found is not None:
            return found
        raw = self.properties.get(name)
        if raw is None:
            return self.additional
        made = self._children[name] = Node(raw)
        return made

    @property
    def additional(self) -> Node | None:
        """The node of a map's values."""
        raw = self.raw.get("additionalProperties")
        if self._additional is None and isinstance(raw, dict):
            self._additional = Node(raw)
        return self._additional

    @property
    def open(self) -> bool:
        """Whether unknown members are kept."""
        return self.preserve or self.raw.get("additionalProperties") is True

    @property
    def items(self) -> Node | None:
        """The node of a list's items."""
        raw = self.raw.get("items")
        if self._items is None and isinstance(raw, dict):
            self._items = Node(raw)
        return self._items

    def parts(self, word: str) -> tuple[Node, ...]:
        """Return the nodes below anyOf, oneOf, allOf, or the one below not."""
        found = self._parts.get(word)
        if found is None:
            raw = self.raw.get(word) or ()
            found = self._parts[word] = tuple(Node(one) for one in ([raw] if isinstance(raw, dict) else raw))
        return found

    @property
    def default(self) -> Any:
        """The value of an absent field; NO_DEFAULT if there is none."""
        return self.raw.get("default", NO_DEFAULT)

    @property
    def defaults(self) -> bool:
        """Whether anything below has a default."""
        if self._defaults is None:
            self._defaults = any_below(self.raw, "default")
        return self._defaults

    @property
    def embeds(self) -> bool:
        """Whether anything here or below is a whole object."""
        if self._embeds is None:
            self._embeds = any_below(self.raw, "x-kubernetes-embedded-resource")
        return self._embeds

    @property
    def ruled(self) -> bool:
        """Whether anything here or below has a CEL rule."""
        if self._ruled is None:
            self._ruled = any_below(self.raw, "x-kubernetes-validations")
        return self._ruled


def any_below(raw: Any, word: str) -> bool:
    """Say whether a word is used by a schema below `raw` (or by itself)."""
    waiting = [raw]
    while waiting:
        one = waiting.pop()
        if not isinstance(one, dict):
            continue
        if word in one:
            return True
        waiting += (one.get("properties") or {}).values()
        waiting += [one.get("items"), one.get("additionalProperties")]
    return False

"""Say how writers share the parts of custom objects, from their schema.

Source: kube apimachinery util/managedfields, over the OpenAPI that kube apiextensions makes of structural schemas.
"""

from __future__ import annotations

from knarr.api.apply_shapes import ANY, ATOMIC, Shape, Sort, of_definition
from knarr.api.custom.node import NO_DEFAULT, Node

SCALARS = {"string": "string", "integer": "int64", "number": "double", "boolean": "boolean"}


class SchemaShape(Shape):
    """The shape of one place of a schema; what lies below is made on first use."""

    __slots__ = ("_node",)

    def __init__(self, sort: Sort, node: Node, *, keys: tuple[str, ...] = ()) -> None:
        super().__init__(sort, keys=keys)
        self._node = node
        for key in keys:
            child = node.items.member(key) if node.items is not None else None
            if child is not None and child.default is not NO_DEFAULT:
                self.keys[key] = child.default

    @property
    def fields(self) -> dict[str, Shape]:
        """Return the shapes of the properties."""
        if self._fields is None:
            self._fields = {name: _member(self._node, name) for name in self._node.properties}
        return self._fields

    @property
    def item(self) -> Shape:
        """Return the shape of a list's items or a map's values."""
        if self._item is None:
            below = self._node.items or self._node.additional
            self._item = of_node(below) if below is not None else ANY
        return self._item


def of_root(node: Node) -> Shape:
    """Return the shape of whole objects: their schema's, with the members that every object has."""
    root = SchemaShape("struct", node)
    text = Shape("scalar", of="string")
    head = {"apiVersion": text, "kind": text, "metadata": of_definition("meta_v1.ObjectMeta")}
    root.fields.update(head)
    root.always = frozenset({"metadata"})
    return root if not node.preserve else ANY


def of_node(node: Node) -> Shape:
    """Return the shape of what a node allows."""
    raw = node.raw
    if raw.get("x-kubernetes-int-or-string"):
        return Shape("scalar", of="untyped")
    sort = raw.get("type")
    if sort in SCALARS:
        return Shape("scalar", of=SCALARS[sort])
    if sort == "array":
        return _list(node)
    if raw.get("x-kubernetes-map-type") == "atomic":
        return ATOMIC
    if node.additional is not None:
        return SchemaShape("map", node)
    return SchemaShape("struct", node) if node.properties and not node.open else ANY


def _list(node: Node) -> Shape:
    sort = node.raw.get("x-kubernetes-list-type")
    if sort == "map":
        return SchemaShape("keyed", node, keys=tuple(node.raw.get("x-kubernetes-list-map-keys") or ()))
    return SchemaShape("set", node) if sort == "set" else ATOMIC


def _member(node: Node, name: str) -> Shape:
    child = node.member(name)
    assert child is not None, name
    return of_node(child)

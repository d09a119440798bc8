"""Protocol buffers built from a table of names and numbers.

Nothing is generated and no stubs are needed: names and numbers are all that the wire knows, and enumerations are the
integers that they are sent as.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS: Final = {
    "text": _Field.TYPE_STRING, "flag": _Field.TYPE_BOOL, "int": _Field.TYPE_INT64, "enum": _Field.TYPE_INT32,
    "bytes": _Field.TYPE_BYTES,
}


class Messages:
    """The messages of one table, in a pool of their own.

    table: message -> fields as `name=number:type`; `type[]` is a list, `map` a map of texts, other types stand in the
    same table.
    """

    def __init__(self, package: str, table: Mapping[str, str]) -> None:
        self._package = package
        file = descriptor_pb2.FileDescriptorProto(name=package.replace(".", "/"), package=package, syntax="proto3")
        for name, fields in table.items():
            message = file.message_type.add(name=name)
            for field in fields.split():
                self._add(message, field)
        self._pool = descriptor_pool.DescriptorPool()
        self._pool.Add(file)

    def named(self, name: str) -> Any:
        """Return the class of a message of the table."""
        return message_factory.GetMessageClass(self._pool.FindMessageTypeByName(f"{self._package}.{name}"))

    def _add(self, message: Any, field: str) -> None:
        name, _, rest = field.partition("=")
        number, _, kind = rest.partition(":")
        added = message.field.add(name=name, number=int(number), label=_Field.LABEL_OPTIONAL)
        if kind.endswith("[]") or kind == "map":
            added.label = _Field.LABEL_REPEATED
        kind = kind.removesuffix("[]")
        if kind in _SCALARS:
            added.type = _SCALARS[kind]
            return
        added.type = _Field.TYPE_MESSAGE
        pair = f"{message.name}.{_entry(message, name)}" if kind == "map" else kind
        added.type_name = f".{self._package}.{pair}"


def _entry(message: Any, field: str) -> str:
    """Add the pair that a map is a list of; return its name, which protobuf derives from the field's."""
    name = "".join(part.capitalize() for part in field.split("_")) + "Entry"
    entry = message.nested_type.add(name=name)
    entry.options.map_entry = True
    for number, part in ((1, "key"), (2, "value")):
        entry.field.add(name=part, number=number, type=_Field.TYPE_STRING, label=_Field.LABEL_OPTIONAL)
    return name

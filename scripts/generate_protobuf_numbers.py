"""Write knarr/apiserver/protobuf_numbers.json: the field numbers of Kubernetes' protobuf messages.

Run it with a kubectl binary: it carries the descriptors of all API messages, as every program built from the
generated Go types does.

    python scripts/generate_protobuf_numbers.py $(which kubectl)
"""

from __future__ import annotations

import json
import sys
import zlib
from pathlib import Path

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.message import DecodeError

from knarr.api import schema

OUT = Path(__file__).parents[1] / "knarr/apiserver/protobuf_numbers.json"
GZIP = b"\x1f\x8b\x08"
STREAM_BYTES_MAX = 1 << 20
NOT_NULLABLE = b"\xc8\xde\x1f\x00"  # gogoproto.nullable = false: zero means absent
MODULES = (
    "k8s.io/api/", "k8s.io/apimachinery/pkg/apis/", "k8s.io/apimachinery/pkg/api/", "k8s.io/apimachinery/pkg/util/",
    "k8s.io/apimachinery/pkg/",
)
VERSIONS = ("v1", "v2")
SCALARS = {
    FieldDescriptorProto.TYPE_STRING: "string", FieldDescriptorProto.TYPE_BOOL: "bool",
    FieldDescriptorProto.TYPE_BYTES: "bytes", FieldDescriptorProto.TYPE_DOUBLE: "double",
    FieldDescriptorProto.TYPE_INT32: "int", FieldDescriptorProto.TYPE_INT64: "int",
}


def main(program: Path) -> None:
    """Find the descriptors and write the table."""
    rows: dict[str, dict[str, list[object]]] = {}
    for file in descriptors(program.read_bytes()):
        package = short_package(file.package)
        if package:
            for message in file.message_type:
                rows[f"{package}.{message.name}"] = fields(f"{package}.{message.name}", message)
    OUT.write_text(json.dumps(rows, separators=(",", ":"), sort_keys=True) + "\n")


def descriptors(data: bytes) -> list[FileDescriptorProto]:
    """Return every file descriptor that lies compressed in the program."""
    found, at = [], data.find(GZIP)
    while at >= 0:
        try:
            text = zlib.decompressobj(31).decompress(data[at:at + STREAM_BYTES_MAX])
            file = FileDescriptorProto.FromString(text)
            if file.name.endswith("generated.proto"):
                found.append(file)
        except (zlib.error, DecodeError):
            pass  # something else that begins like a gzip stream
        at = data.find(GZIP, at + 1)
    return found


def short_package(package: str) -> str:
    """Turn k8s.io.api.core.v1 into core_v1; empty for packages that are not served."""
    path = package.replace("k8s.io.", "k8s.io/", 1).replace(".", "/").replace("k8s/io", "k8s.io")
    for module in MODULES:
        if path.startswith(module):
            parts = path.removeprefix(module).split("/")
            if len(parts) == 2 and parts[1] in VERSIONS:
                return f"{parts[0]}_{parts[1]}"
            if len(parts) == 1:
                return parts[0]
    return ""


def fields(owner: str, message: DescriptorProto) -> dict[str, list[object]]:
    """Return number -> [name, type, zero means absent, lies in the parent's own JSON]."""
    maps = {nested.name: nested for nested in message.nested_type if nested.name.endswith("Entry")}
    known = schema.fields_of(owner)
    rows: dict[str, list[object]] = {}
    for field in message.field:
        kind = type_of(field, maps)
        zero_absent = NOT_NULLABLE in field.options.SerializeToString()
        inline = bool(known) and field.name not in known and "." in kind and not kind.startswith(("[]", "{}"))
        rows[str(field.number)] = [field.name, kind, int(zero_absent), int(inline)]
    return rows


def type_of(field: FieldDescriptorProto, maps: dict[str, DescriptorProto]) -> str:
    """Return `string`, `[]core_v1.Container`, `{}bytes`…"""
    entry = maps.get(field.type_name.rpartition(".")[2])
    if entry is not None:
        return "{}" + type_of(entry.field[1], {})
    package, _, name = field.type_name.lstrip(".").rpartition(".")
    kind = SCALARS[field.type] if field.type in SCALARS else f"{short_package(package)}.{name}"
    return f"[]{kind}" if field.label == FieldDescriptorProto.LABEL_REPEATED else kind


if __name__ == "__main__":
    main(Path(sys.argv[1]))

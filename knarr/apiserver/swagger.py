"""Write the small part of OpenAPI v2 in protobuf that old clients need: which writes take which query parameters.

kubectl up to 1.27 reads the version 2 document in no other form, and looks in it for the parameters of PATCH before
it trusts the server to validate fields. The definitions are left out: such clients then use the types they were built
with. Source: google/gnostic openapiv2/OpenAPIv2.proto for the field numbers.
"""

from __future__ import annotations

from collections.abc import Iterable

from knarr.api.kinds import KINDS, Kind

MEDIA = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
MEDIA_MARK = "proto-openapi.spec.v2"
PARAMETERS = ("dryRun", "fieldManager", "fieldValidation", "pretty")
BYTES = 2  # wire type


def document(version: str) -> bytes:
    """Return the document. version: the server's own."""
    info = field(1, b"Kubernetes") + field(2, version.encode())
    paths = b"".join(field(2, path_item(kind)) for kind in KINDS if "patch" in kind.verbs)
    return field(1, b"2.0") + field(2, info) + field(8, paths)


def path_item(kind: Kind) -> bytes:
    """Return one `NamedPathItem`: the object's path and its PATCH."""
    path = kind.path("{namespace}" if kind.namespaced else "", "{name}")
    return field(1, path.encode()) + field(2, field(8, operation(kind)))


def operation(kind: Kind) -> bytes:
    """Return the `Operation`: its query parameters, and the kind it is about."""
    parameters = b"".join(field(8, query_parameter(name)) for name in PARAMETERS)
    lines = (f"group: {kind.group!r}", f"kind: {kind.kind}", f"version: {kind.version}")
    return parameters + field(13, extension("x-kubernetes-group-version-kind", lines))


def query_parameter(name: str) -> bytes:
    """Return one `ParametersItem`: Parameter, NonBodyParameter, QueryParameterSubSchema inside one another."""
    schema = field(2, b"query") + field(4, name.encode()) + field(6, b"string")
    return field(1, field(2, field(3, schema)))


def extension(name: str, lines: Iterable[str]) -> bytes:
    """Return one `NamedAny`, whose value is a YAML text."""
    text = "\n".join(lines) + "\n"
    return field(1, name.encode()) + field(2, field(2, text.encode()))


def field(number: int, value: bytes) -> bytes:
    """Encode one length-delimited field."""
    return varint(number << 3 | BYTES) + varint(len(value)) + value


def varint(value: int) -> bytes:
    """Encode a number, seven bits a byte, least first."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
